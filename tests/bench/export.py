#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""export.py DIR: the networks of `make bench`, with seeded random weights.

Needs Debian's python3-torch, python3-torchvision and python3-onnx. Times do not
depend on the weights' values; batch normalisation gets plausible statistics so
that activations stay finite.
"""
import math
import os
import sys
import warnings

import torch
import torch.nn as nn
import torchvision.models as tv

warnings.filterwarnings("ignore")


class Layer(nn.Module):
    """A transformer encoder layer, spelt out as exporters of BERT do."""

    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.heads = heads
        self.qkv = nn.ModuleList([nn.Linear(dim, dim) for _ in range(3)])
        self.out, self.up, self.down = nn.Linear(dim, dim), nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (p(x).view(b, t, self.heads, d // self.heads).transpose(1, 2) for p in self.qkv)
        a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // self.heads), -1) @ v
        x = self.norm1(x + self.out(a.transpose(1, 2).reshape(b, t, d)))
        return self.norm2(x + self.down(nn.functional.gelu(self.up(x))))


class Encoder(nn.Module):
    """BERT-like; `layers` of 12 would be its base size."""

    def __init__(self, layers, dim=768, heads=12, hidden=3072, words=1000, length=128):
        super().__init__()
        self.word, self.place = nn.Embedding(words, dim), nn.Embedding(length, dim)
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.ModuleList([Layer(dim, heads, hidden) for _ in range(layers)])

    def forward(self, ids):
        x = self.norm(self.word(ids) + self.place(torch.arange(ids.shape[1])))
        for layer in self.layers:
            x = layer(x)
        return x


def settle(model):
    g = torch.Generator().manual_seed(1)
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.copy_(torch.randn(m.num_features, generator=g) * 0.05)
            m.running_var.copy_(torch.rand(m.num_features, generator=g) * 0.5 + 0.75)
    return model.eval()


MODELS = {
    "resnet50": lambda: (tv.resnet50(), torch.zeros(1, 3, 224, 224)),
    "mobilenet_v2": lambda: (tv.mobilenet_v2(), torch.zeros(1, 3, 224, 224)),
    "squeezenet1_1": lambda: (tv.squeezenet1_1(), torch.zeros(1, 3, 224, 224)),
    "shufflenet_v2": lambda: (tv.shufflenet_v2_x1_0(), torch.zeros(1, 3, 224, 224)),
    "efficientnet_b0": lambda: (tv.efficientnet_b0(), torch.zeros(1, 3, 224, 224)),
    "bert_4": lambda: (Encoder(4), torch.zeros(1, 128, dtype=torch.int64)),
}


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    for name, make in MODELS.items():
        path = os.path.join(out, name + ".onnx")
        if os.path.exists(path):
            continue
        torch.manual_seed(0)
        with torch.no_grad():
            model, x = make()
            torch.onnx.export(settle(model), x, path + ".part", opset_version=13)
        os.rename(path + ".part", path)


main()
