"""The peers' side of benchmarks/models.py: one training step of a model, in PyTorch or JAX.

usage: peers.py torch|jax MODEL THREADS

Speaks the protocol of benchmarks/models.py on standard input and output: prints a line of JSON with
versions and the cold compile time of the step, then answers each line `N` with the seconds that N
steps took.
"""

import json
import os
import sys
import time

BATCH = {"mlp": 64, "cnn": 64, "worked_example": 32}


def data(model, numpy):
    rng = numpy.random.default_rng(0)
    n = BATCH[model]
    if model == "mlp":
        return rng.random((n, 784), dtype="float32"), rng.integers(0, 10, n)
    if model == "cnn":
        return rng.random((n, 28, 28, 1), dtype="float32"), rng.integers(0, 10, n)
    return rng.random((n, 10), dtype="float32"), rng.integers(0, 2, n)


def serve(info, run):
    print(json.dumps(info), flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        run(steps)
        print(time.perf_counter() - start, flush=True)


def torch_main(model, threads, channels_last):
    import numpy
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x, y = (torch.from_numpy(a) for a in data(model, numpy))
    if model == "mlp":
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(),
                            nn.Linear(256, 10))
        loss_fn = nn.CrossEntropyLoss()
    elif model == "cnn":
        x = x.permute(0, 3, 1, 2).contiguous()
        net = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))
        if channels_last:
            net, x = net.to(memory_format=torch.channels_last), x.to(
                memory_format=torch.channels_last)
        loss_fn = nn.CrossEntropyLoss()
    else:
        net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))
        y = y.float()[:, None]
        loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_fn(net(x), y)
            loss.backward()
            optimizer.step()
        loss.item()

    run(2)
    serve({"peer": "PyTorch", "version": torch.__version__, "compile_s": None}, run)


def jax_main(model, threads):
    # XLA's CPU client sizes its thread pool by the cores that it may use.
    os.sched_setaffinity(0, set(range(threads)))
    import jax
    import jax.numpy as jnp
    import numpy

    x, y = data(model, numpy)
    x, y = jnp.asarray(x), jnp.asarray(y)
    sizes = {"mlp": (784, 512, 256, 10), "worked_example": (10, 64, 1)}.get(model)
    key = jax.random.PRNGKey(0)

    def dense_parameters(sizes, key):
        parameters = []
        for m, n in zip(sizes, sizes[1:]):
            key, sub = jax.random.split(key)
            limit = (6.0 / (m + n))**0.5
            parameters.append((jax.random.uniform(sub, (m, n), jnp.float32, -limit, limit),
                               jnp.zeros((n,), jnp.float32)))
        return parameters

    def dense(parameters, h):
        for w, b in parameters[:-1]:
            h = jax.nn.relu(h @ w + b)
        w, b = parameters[-1]
        return h @ w + b

    def pool(h):
        return jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def conv(h, w, b):
        dims = ("NHWC", "HWIO", "NHWC")
        return jax.nn.relu(jax.lax.conv_general_dilated(h, w, (1, 1), "SAME",
                                                        dimension_numbers=dims) + b)

    if model == "cnn":
        k1, k2, k3 = jax.random.split(key, 3)
        parameters = [(0.2 * jax.random.normal(k1, (3, 3, 1, 32)), jnp.zeros((32,))),
                      (0.05 * jax.random.normal(k2, (3, 3, 32, 64)), jnp.zeros((64,)))]
        parameters += dense_parameters((3136, 128, 10), k3)

        def logits(p, h):
            h = pool(conv(h, *p[0]))
            h = pool(conv(h, *p[1]))
            return dense(p[2:], h.reshape(h.shape[0], -1))
    else:
        parameters = dense_parameters(sizes, key)
        logits = dense

    def loss_fn(p):
        z = logits(p, x)
        if model == "worked_example":
            t = y.astype(jnp.float32)[:, None]
            return jnp.mean(jnp.maximum(z, 0) - z * t + jnp.log1p(jnp.exp(-jnp.abs(z))))
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1))

    def adam(state):
        p, m, v, t = state
        loss, g = jax.value_and_grad(loss_fn)(p)
        t = t + 1
        tree = jax.tree_util.tree_map
        m = tree(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = tree(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        scale = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = tree(lambda a, b, c: a - scale * b / (jnp.sqrt(c) + 1e-7), p, m, v)
        return (p, m, v, t), loss

    def zeros():
        return jax.tree_util.tree_map(jnp.zeros_like, parameters)

    state = (parameters, zeros(), zeros(), jnp.float32(0))
    # Something small first, so that the client's own start is not counted.
    jax.jit(lambda a: a + 1)(jnp.float32(0)).block_until_ready()
    start = time.perf_counter()
    step = jax.jit(adam, donate_argnums=0).lower(state).compile()
    compile_s = time.perf_counter() - start
    holder = [state]

    def run(steps):
        s = holder[0]
        for _ in range(steps):
            s, loss = step(s)
        jax.block_until_ready((s, loss))
        holder[0] = s

    run(2)
    serve({"peer": "JAX", "version": jax.__version__, "compile_s": compile_s}, run)


if __name__ == "__main__":
    peer, model_name, thread_count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if peer == "jax":
        jax_main(model_name, thread_count)
    else:
        torch_main(model_name, thread_count, channels_last=peer == "torch-channels-last")
