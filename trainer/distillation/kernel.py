"""The student's kernel ridge, solved in closed form.

Regularised least squares on landmarks: the subset of regressors of Rasmussen and Williams 2006, 8.3.1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ctsma_node.analysis.networks import KernelRidge

RIDGE = 0.01
_JITTER = 1e-6
_CHUNK = 4096


@torch.no_grad()
def solve(kernel: KernelRidge, f: Tensor, target: Tensor, seed: int) -> None:
    """Fit `kernel` to standardised statistics (n, F) and targets (n, 4); rows with a NaN are left out.

    The landmarks are patches drawn by the seed; again and again, where there are fewer.
    """
    known = target.isfinite().all(dim=1)
    f, target = f[known], target[known]
    wanted = len(kernel.centres)
    drawn = np.random.default_rng([seed, 52]).permutation(max(len(f), wanted))[:wanted] % len(f)
    kernel.centres.copy_(f[torch.from_numpy(drawn).to(f.device)])
    kernel.bias.copy_(target.mean(dim=0))
    left = RIDGE * kernel.near(kernel.centres)
    left += _JITTER * torch.eye(wanted, dtype=torch.float64, device=f.device)
    right = torch.zeros_like(kernel.weights, dtype=torch.float64)
    for some, wished in zip(f.split(_CHUNK), target.split(_CHUNK), strict=True):
        near = kernel.near(some)
        left += near.T @ near
        right += near.T @ (wished - kernel.bias).double()
    kernel.weights.copy_(torch.linalg.solve(left, right))
