#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Exports the transformers of the model tests, with inputs and torch's outputs.

Needs Debian's python3-torch and python3-onnx. For NAME in vit_13, vit_16,
bert_13, bert_16 writes NAME/model.onnx, NAME/input_N.npy, NAME/output_N.npy and
names.txt in the form of the corpus. Weights are random and seeded; batch (and
the sequence length of bert) are dynamic; widths are odd on purpose.
"""
import os
import numpy as np
import torch
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.h = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x, mask=None):
        b, s, d = x.shape
        q, k, v = self.qkv(x).reshape(b, s, 3, self.h, d // self.h).permute(2, 0, 3, 1, 4)
        a = q @ k.transpose(-2, -1) * (d // self.h) ** -0.5
        if mask is not None:
            a = a.masked_fill(mask[:, None, None, :] == 0, -1e9)
        return self.out((a.softmax(-1) @ v).transpose(1, 2).reshape(b, s, d))


class Block(nn.Module):
    def __init__(self, d, heads, pre):
        super().__init__()
        self.pre = pre
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.att = Attention(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d + 1), nn.GELU(), nn.Linear(2 * d + 1, d))

    def forward(self, x, mask=None):
        if self.pre:
            x = x + self.att(self.n1(x), mask)
            return x + self.mlp(self.n2(x))
        x = self.n1(x + self.att(x, mask))
        return self.n2(x + self.mlp(x))


class ViT(nn.Module):
    def __init__(self, d=42, heads=3, depth=2, classes=11):
        super().__init__()
        self.patch = nn.Conv2d(3, d, 8, 8)
        self.cls = nn.Parameter(torch.randn(1, 1, d))
        self.pos = nn.Parameter(torch.randn(1, 17, d) * 0.1)
        self.blocks = nn.ModuleList(Block(d, heads, True) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
        for b in self.blocks:
            x = b(x)
        return self.head(self.norm(x)[:, 0])


class Bert(nn.Module):
    def __init__(self, vocab=97, d=36, heads=4, depth=2, longest=40):
        super().__init__()
        self.tok, self.pos, self.typ = nn.Embedding(vocab, d), nn.Embedding(longest, d), nn.Embedding(2, d)
        self.norm = nn.LayerNorm(d)
        self.blocks = nn.ModuleList(Block(d, heads, False) for _ in range(depth))
        self.pool = nn.Linear(d, d)

    def forward(self, ids, mask, types):
        x = self.tok(ids) + self.pos(torch.arange(ids.shape[1])[None]) + self.typ(types)
        x = self.norm(x)
        for b in self.blocks:
            x = b(x, mask)
        return x, torch.tanh(self.pool(x[:, 0]))


def export(name, net, inputs, names, outs, axes, opset):
    folder = os.path.join(here, name)
    os.makedirs(folder, exist_ok=True)
    net.eval()
    with torch.no_grad():
        ref = net(*inputs)
    ref = ref if isinstance(ref, tuple) else (ref,)
    torch.onnx.export(net, inputs, os.path.join(folder, "model.onnx"), opset_version=opset,
                      input_names=names, output_names=outs, dynamic_axes=axes)
    with open(os.path.join(folder, "names.txt"), "w") as f:
        for kind, labels, ts in (("input", names, inputs), ("output", outs, ref)):
            for i, (n, t) in enumerate(zip(labels, ts)):
                a = t.numpy()
                np.save(os.path.join(folder, "%s_%d.npy" % (kind, i)), a)
                f.write("%s_%d.npy %s %s %s\n" % (kind, i, n, a.dtype, "x".join(map(str, a.shape))))


for opset in (13, 16):
    torch.manual_seed(2)
    export("vit_%d" % opset, ViT(), (torch.randn(2, 3, 32, 32),), ["image"], ["logits"],
           {"image": {0: "batch"}, "logits": {0: "batch"}}, opset)
    ids = torch.randint(0, 97, (2, 13))
    mask = torch.ones(2, 13, dtype=torch.int64)
    mask[1, 9:] = 0
    export("bert_%d" % opset, Bert(), (ids, mask, torch.zeros_like(ids)), ["ids", "mask", "types"],
           ["hidden", "pooled"], {k: {0: "batch", 1: "seq"} for k in ("ids", "mask", "types", "hidden")} | {"pooled": {0: "batch"}}, opset)


class Fcn(nn.Module):
    """Every kind of convolution and pooling, over images of any size."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, 2, 1)
        self.norm = nn.BatchNorm2d(12)
        self.depth, self.point = nn.Conv2d(12, 12, 3, 1, 1, groups=12), nn.Conv2d(12, 20, 1)
        self.group, self.side = nn.Conv2d(20, 20, 3, 1, 1, groups=4), nn.Conv2d(12, 20, 5, 1, 2)
        self.up, self.head = nn.Conv2d(20, 8, 1), nn.Linear(28, 7)

    def forward(self, x):
        a = torch.relu(self.norm(self.stem(x)))
        b = nn.functional.silu(self.point(nn.functional.relu6(self.depth(a))))
        c = torch.relu(self.group(b) + self.side(a))
        d = nn.functional.max_pool2d(c, 3, 2, 1)
        e = nn.functional.interpolate(d, scale_factor=2.0, mode="nearest")
        f = torch.sigmoid(self.up(e))
        g = nn.functional.avg_pool2d(f, 2, 2)
        pooled = torch.cat([g.mean((2, 3)), e.mean((2, 3))], 1)
        return f, self.head(pooled)


torch.manual_seed(3)
export("fcn_13", Fcn(), (torch.randn(1, 3, 37, 50),), ["image"], ["map", "logits"],
       {"image": {0: "batch", 2: "h", 3: "w"}, "map": {0: "batch", 2: "mh", 3: "mw"}, "logits": {0: "batch"}}, 13)
