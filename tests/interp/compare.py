# SPDX-License-Identifier: MIT
"""compare.py OURS THEIRS: folders of an export.py run."""
import os
import sys

import numpy as np


def same(ours, theirs):
    """0 if every outJ.npy has its oJ.npy: shape, and values within 1e-4 of the size."""
    for j in range(3):
        f = f'{theirs}/out{j}.npy'
        if not os.path.exists(f):
            continue
        a, b = np.load(f'{ours}/o{j}.npy'), np.load(f)
        if a.shape != b.shape or not np.allclose(a, b, 1e-4, 1e-5):
            print(f'  output {j}: {a.shape} beside {b.shape}')
            return 1
    return 0


sys.exit(same(sys.argv[1], sys.argv[2]))
