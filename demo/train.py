#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains the demo's digit classifier and writes digits.onnx and sample PNGs.

Needs Debian's python3-torch, python3-sklearn, python3-onnx, python3-pil. Data:
the 1,797 scanned 8x8 digits that scikit-learn carries (UCI "Optical Recognition
of Handwritten Digits"). Seeded; every fifth sample is held back from training.
"""
import os
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(1)
torch.set_num_threads(1)
np.random.seed(1)

data = load_digits()
x = torch.tensor(data.images / 16.0, dtype=torch.float32)[:, None]
y = torch.tensor(data.target)
held = torch.arange(len(y)) % 5 == 0

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
    nn.Conv2d(16, 24, 1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(24, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10), nn.Softmax(dim=1))
opt = torch.optim.Adam(net.parameters(), 3e-3)
xt, yt = x[~held], y[~held]
for epoch in range(60):
    net.train()
    for idx in torch.randperm(len(yt)).split(64):
        # one pixel of shift in each direction: the scans are centred, people are not
        dx, dy = np.random.randint(-1, 2, 2)
        batch = torch.roll(xt[idx], (int(dy), int(dx)), (2, 3))
        loss = nn.functional.nll_loss(torch.log(net(batch) + 1e-9), yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
net.eval()
with torch.no_grad():
    p = net(x[held])
    right = (p.argmax(1) == y[held])
print("held-back accuracy: %d of %d (%.1f%%)" % (right.sum(), len(right), 100.0 * right.float().mean()))
torch.onnx.export(net, x[:1], os.path.join(here, "digits.onnx"), opset_version=13,
                  training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                  input_names=["image"], output_names=["probability"],
                  dynamic_axes={"image": {0: "batch"}, "probability": {0: "batch"}})
index = torch.arange(len(y))[held]
for digit in (3, 7):
    i = int(index[(y[held] == digit)][0])
    Image.fromarray((data.images[i] * 255 / 16).round().astype(np.uint8)).save(os.path.join(here, "digit_%d.png" % digit))
