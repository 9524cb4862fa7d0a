# SPDX-License-Identifier: MIT
"""export.py FOLDER: scripted torch modules with loops, branches, lists and masks,
as ONNX files, with inputs and torch's answers (NAME.onnx, NAME.K/{in,out}J.npy)."""
import os
import sys
import warnings
from typing import List

import numpy as np
import torch

warnings.filterwarnings('ignore')


class LoopSum(torch.nn.Module):
    def forward(self, x, n):
        y = torch.zeros_like(x)
        for i in range(int(n)):
            y = y * 0.5 + x * i
        return y


class Grow(torch.nn.Module):
    def forward(self, x, n):
        y = x
        for i in range(int(n)):
            y = torch.cat([y, x * float(i)], 0)
        return y


class NestedIf(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = torch.nn.Linear(4, 4)

    def forward(self, x, n):
        y = x
        for i in range(int(n)):
            if y.sum() > 0:
                if i % 2 == 0:
                    y = self.lin(y) - x
                else:
                    y = y - 1
            else:
                y = torch.relu(y) + x
        return y


class While(torch.nn.Module):
    def forward(self, x):
        k = torch.zeros([1], dtype=torch.int64)
        while bool(x.abs().max() > 1):
            x = x * 0.5
            k = k + 1
        return x, k


class Shapes(torch.nn.Module):
    def forward(self, x):
        if x.size(0) > 3:
            y = x[:3]
        else:
            y = torch.cat([x, x], 0)
        return y * 2


class Conv(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.d = torch.nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x, n):
        for i in range(int(n)):
            y = torch.relu(self.c(x))
            if bool(y.mean() > 0.1):
                x = x + self.d(y)
            else:
                x = x - self.d(y)
        return x


class ListStack(torch.nn.Module):
    def forward(self, x, n):
        rows: List[torch.Tensor] = []
        for i in range(int(n)):
            rows.append(x[i] * float(i))
        return torch.stack(rows, 0)


class ListCat(torch.nn.Module):
    def forward(self, x, n):
        rows: List[torch.Tensor] = []
        for i in range(int(n)):
            rows.append(x[:i + 1])
        return torch.cat(rows, 0), len(rows)


class Masked(torch.nn.Module):
    def forward(self, x):
        y = x[x > 0]
        z = x[(x.sum(1) > 0).nonzero().squeeze(1)]
        return y * 2, z, y.unique()


def main(out):
    torch.manual_seed(0)
    t, r = torch.tensor, torch.randn
    cases = {
        'loop_sum': (LoopSum(), [(r(2, 3), t(5)), (r(2, 3), t(0))]),
        'grow': (Grow(), [(r(2, 3), t(4)), (r(2, 3), t(0))]),
        'nested_if': (NestedIf(), [(r(2, 4), t(6)), (r(2, 4), t(3))]),
        'while': (While(), [(r(5) * 20,), (r(5) * .1,)]),
        'shapes': (Shapes(), [(r(5, 2),), (r(2, 2),)]),
        'conv': (Conv(), [(r(1, 3, 9, 8), t(4)), (r(1, 3, 9, 8), t(1))]),
        'list_stack': (ListStack(), [(r(5, 2), t(4)), (r(5, 2), t(2))]),
        'list_cat': (ListCat(), [(r(5, 2), t(4)), (r(5, 2), t(2))]),
        'masked': (Masked(), [(r(6, 5),), (r(6, 5).abs(),)]),
    }
    for name, (m, runs) in cases.items():
        s = m.eval() if name == 'masked' else torch.jit.script(m.eval())
        dyn = None if name in ('conv', 'while') else {'x': {0: 'rows'}}
        torch.onnx.export(s, runs[0], f'{out}/{name}.onnx', opset_version=17, dynamic_axes=dyn,
                          input_names=['x', 'n'][:len(runs[0])],
                          output_names=['o0', 'o1', 'o2'][:{'while': 2, 'list_cat': 2, 'masked': 3}.get(name, 1)])
        for k, args in enumerate(runs):
            os.makedirs(f'{out}/{name}.{k}')
            got = m(*args)
            for j, v in enumerate(args):
                np.save(f'{out}/{name}.{k}/in{j}.npy', v.numpy())
            for j, v in enumerate(got if isinstance(got, tuple) else (got,)):
                np.save(f'{out}/{name}.{k}/out{j}.npy', v.detach().numpy() if hasattr(v, 'numpy') else np.array(v))


main(sys.argv[1])
