"""The Python peers' side of benchmarks/run.py: one workload in PyTorch, JAX, ONNX Runtime or OpenVINO.

usage: peers.py PEER WORKLOAD THREADS

PEER is torch, torch-channels-last, torch-compile, jax, jax-scan (steps inside one scan), onnxruntime or
openvino. The protocol is that of benchmarks/serve.h: a line of JSON, then for each line `N` the
seconds that N steps took. Outputs are written where they were before, as far as a peer offers it.
"""

import json
import sys
import time

import peers_gpt2
import peers_onnx
from peers_common import normal, serve, skip

BATCH = {"mlp_step": 64, "cnn_step": 64, "worked_example_step": 32}
SCAN = 100  # steps in one scan


def batch_of(kind, numpy):
    rng = numpy.random.default_rng(0)
    n = BATCH[kind]
    if kind == "mlp_step":
        return rng.random((n, 784), dtype="float32"), rng.integers(0, 10, n)
    if kind == "cnn_step":
        return rng.random((n, 28, 28, 1), dtype="float32"), rng.integers(0, 10, n)
    return rng.random((n, 10), dtype="float32"), rng.integers(0, 2, n)


# --- PyTorch


def torch_training(kind, channels_last):
    import numpy
    import torch
    from torch import nn

    x, y = (torch.from_numpy(a) for a in batch_of(kind, numpy))
    loss_fn = nn.CrossEntropyLoss()
    if kind == "mlp_step":
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(),
                            nn.Linear(256, 10))
    elif kind == "cnn_step":
        x = x.permute(0, 3, 1, 2).contiguous()
        net = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))
        if channels_last:
            net, x = net.to(memory_format=torch.channels_last), x.to(
                memory_format=torch.channels_last)
    else:
        net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))
        y = y.float()[:, None]
        loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def torch_gpt2():
    import numpy
    import torch
    c = peers_gpt2.FULL
    model = peers_gpt2.torch_model(c)
    _, tokens, targets = peers_gpt2.initial({**c, "layers": 0}, numpy, "float32")
    tokens, targets = torch.from_numpy(tokens), torch.from_numpy(targets)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.1, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(tokens, targets)
        loss.backward()
        optimizer.step()
        return loss

    return step


def torch_kernel(kind, sizes):
    """A step of a kernel workload; None where PyTorch has nothing of the kind."""
    import torch
    from torch.nn import functional
    tensor = lambda shape, seed=0: torch.from_numpy(normal(shape, seed))
    if kind in ("gemm", "gemm_f64"):
        m, n, k = sizes
        dtype = torch.float32 if kind == "gemm" else torch.float64
        a, b = tensor((m, k)).to(dtype), tensor((k, n), 1).to(dtype)
        c = torch.empty(m, n, dtype=dtype)
        return lambda: torch.mm(a, b, out=c)
    if kind == "gemm_bf16_gelu":
        m, n, k = sizes
        a, w = tensor((m, k)).bfloat16(), tensor((n, k), 1).bfloat16()
        bias = tensor((n,), 2).bfloat16()
        packed = torch.ops.mkldnn._reorder_linear_weight(w, m)
        return lambda: torch.ops.mkldnn._linear_pointwise(a, packed, bias, "gelu", [], "none")
    if kind == "layer_norm":
        x, scale, offset = tensor(sizes), torch.ones(sizes[1]), torch.zeros(sizes[1])
        # native_layer_norm.out is slower: it copies.
        return lambda: functional.layer_norm(x, [sizes[1]], scale, offset, 1e-5)
    if kind == "layer_norm_grad":
        x, dy = tensor(sizes), tensor(sizes, 1)
        scale, offset = torch.ones(sizes[1]), torch.zeros(sizes[1])
        _, mean, rstd = torch.ops.aten.native_layer_norm(x, [sizes[1]], scale, offset, 1e-5)
        op = torch.ops.aten.native_layer_norm_backward
        # Mean and deviation are given: tenon computes them again.
        return lambda: op(dy, x, [sizes[1]], mean, rstd, scale, offset, [True, True, True])
    if kind == "softmax":
        x = tensor(sizes)
        out = torch.empty_like(x)
        return lambda: torch.softmax(x, -1, out=out)
    if kind == "gelu":
        x = tensor(sizes)
        out = torch.empty_like(x)
        return lambda: torch.ops.aten.gelu.out(x, approximate="none", out=out)
    if kind == "adamw":
        p = torch.nn.Parameter(tensor(sizes))
        p.grad = tensor(sizes, 1)
        optimizer = torch.optim.AdamW([p], lr=1e-3, fused=True)
        return optimizer.step
    if kind == "mlp_inference":
        from torch import nn
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(),
                            nn.Linear(256, 10)).eval()
        x = tensor((sizes[0], 784))
        return lambda: net(x)
    return None


def torch_main(peer, kind, sizes, threads):
    import contextlib
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if kind == "gpt2_step":
        step = torch_gpt2()
    elif kind in BATCH:
        step = torch_training(kind, channels_last=peer == "torch-channels-last")
    else:
        step = torch_kernel(kind, sizes)
    if step is None:
        skip("PyTorch", "has nothing of the kind")
    training = kind in BATCH or kind == "gpt2_step"
    info = {"peer": {"torch": "PyTorch", "torch-compile": "torch.compile"}.get(peer, "PyTorch, channels last"),
            "version": torch.__version__}
    if peer == "torch-compile":
        start = time.perf_counter()
        step = torch.compile(step)
        with contextlib.nullcontext() if training else torch.inference_mode():
            step()
        info["compile_s"] = [time.perf_counter() - start]

    def run(steps):
        with contextlib.nullcontext() if training else torch.inference_mode():
            for _ in range(steps):
                result = step()
        if training:
            result.item()

    run(2)
    serve(info, run)


# --- JAX


def jax_training(kind):
    """(step, state) of a training step: step(state) -> (state, loss)."""
    import jax
    import jax.numpy as jnp
    import numpy

    x, y = (jnp.asarray(a) for a in batch_of(kind, numpy))
    sizes = {"mlp_step": (784, 512, 256, 10), "worked_example_step": (10, 64, 1)}.get(kind)
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

    if kind == "cnn_step":
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
        if kind == "worked_example_step":
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

    zeros = lambda: jax.tree_util.tree_map(jnp.zeros_like, parameters)
    return adam, (parameters, zeros(), zeros(), jnp.float32(0))


def jax_gpt2():
    import jax
    import jax.numpy as jnp
    import numpy
    c = peers_gpt2.FULL
    parameters, tokens, targets = peers_gpt2.initial(c, numpy, "float32")
    parameters = jax.tree_util.tree_map(jnp.asarray, parameters)
    zeros = lambda: jax.tree_util.tree_map(jnp.zeros_like, parameters)
    step = peers_gpt2.jax_step(c, jnp.asarray(tokens), jnp.asarray(targets), rate=3e-4)
    return step, (parameters, zeros(), zeros(), jnp.float32(0))


def jax_kernel(kind, sizes):
    """(function, arguments, donated): donated arguments are what the function gives."""
    import jax
    import jax.numpy as jnp
    array = lambda shape, seed=0: jnp.asarray(normal(shape, seed))

    def norm(x, scale, offset):
        d = x - jnp.mean(x, -1, keepdims=True)
        return d * jax.lax.rsqrt(jnp.mean(d * d, -1, keepdims=True) + 1e-5) * scale + offset

    if kind == "resnet50_inference":
        return jax_resnet50(sizes[0])
    if kind == "gemm":
        m, n, k = sizes
        return jnp.matmul, (array((m, k)), array((k, n), 1)), ()
    if kind == "gemm_bf16_gelu":
        m, n, k = sizes

        def product(a, b, bias):
            y = jnp.matmul(a, b, preferred_element_type=jnp.float32) + bias
            return jax.nn.gelu(y, approximate=False).astype(jnp.bfloat16)

        a, b = (array(s).astype(jnp.bfloat16) for s in ((m, k), (k, n)))
        return product, (a, b, array((n,))), ()
    if kind == "layer_norm":
        return norm, (array(sizes), jnp.ones(sizes[1]), jnp.zeros(sizes[1])), ()
    if kind == "layer_norm_grad":

        def backward(x, scale, offset, dy):
            return jax.vjp(norm, x, scale, offset)[1](dy)

        return backward, (array(sizes), jnp.ones(sizes[1]), jnp.zeros(sizes[1]), array(sizes, 1)), ()
    if kind == "softmax":
        return jax.nn.softmax, (array(sizes),), ()
    if kind == "gelu":
        return (lambda x: jax.nn.gelu(x, approximate=False)), (array(sizes),), ()
    if kind == "adamw":

        def update(state, g):
            p, m, v, t = state
            t = t + 1
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            scale = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            return p - p * 1e-5 - scale * m / (jnp.sqrt(v) + 1e-8), m, v, t

        n = sizes[0]
        return update, ((array((n,)), jnp.zeros(n), jnp.zeros(n), jnp.float32(1000)),
                        array((n,), 1)), (0,)
    if kind == "mlp_inference":
        dims = (784, 512, 256, 10)
        parameters = [(0.05 * array((m, n), i), jnp.zeros(n))
                      for i, (m, n) in enumerate(zip(dims, dims[1:]))]

        def mlp(x):
            h = x
            for i, (w, b) in enumerate(parameters):
                h = h @ w + b
                h = jax.nn.relu(h) if i < 2 else h
            return h

        return mlp, (array((sizes[0], 784), 7),), ()
    return None


def jax_resnet50(batch):
    """The graph of benchmarks/resnet50.cc: logits of parameters and a batch of images."""
    import jax
    import jax.numpy as jnp
    import numpy
    lax = jax.lax
    random = numpy.random.default_rng(0)
    parameters = {}

    def tensor(name, *shape, fill=None):
        if name not in parameters:
            parameters[name] = (random.normal(0, (2 / numpy.prod(shape[:-1]))**0.5, shape) if fill is None
                                else numpy.full(shape, fill)).astype("float32")

    def conv_norm(p, at, x, window, channels, stride):
        tensor(at + "/kernel", window, window, x.shape[3], channels)
        for name, fill in (("gamma", 1), ("beta", 0), ("mean", 0), ("variance", 1)):
            tensor(f"{at}/{name}", channels, fill=fill)
        y = lax.conv_general_dilated(x, p[at + "/kernel"], (stride, stride), "SAME",
                                     dimension_numbers=("NHWC", "HWIO", "NHWC"))
        scale = lax.rsqrt(p[at + "/variance"] + 1e-5) * p[at + "/gamma"]
        return (y - p[at + "/mean"]) * scale + p[at + "/beta"]

    def logits(p, x):
        h = jax.nn.relu(conv_norm(p, "stem", x, 7, 64, 2))
        h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
        for s, blocks in enumerate((3, 4, 6, 3)):
            for b in range(blocks):
                at, stride, channels = f"stage{s + 1}/block{b + 1}/", 2 if s > 0 and b == 0 else 1, 64 << s
                y = jax.nn.relu(conv_norm(p, at + "a", h, 1, channels, 1))
                y = jax.nn.relu(conv_norm(p, at + "b", y, 3, channels, stride))
                y = conv_norm(p, at + "c", y, 1, 4 * channels, 1)
                skip = h if b > 0 else conv_norm(p, at + "skip", h, 1, 4 * channels, stride)
                h = jax.nn.relu(y + skip)
        h = jnp.mean(h, (1, 2))
        tensor("dense/kernel", h.shape[1], 1000)
        tensor("dense/bias", 1000, fill=0)
        return h @ p["dense/kernel"] + p["dense/bias"]

    class Declaring(dict):
        """Gives each parameter as it is declared: for the walk that finds out what there is."""

        def __missing__(self, name):
            return jnp.asarray(parameters[name])

    x = jnp.asarray(random.uniform(0, 1, (batch, 224, 224, 3)), jnp.float32)
    jax.eval_shape(lambda images: logits(Declaring(), images), x)
    arguments = {name: jnp.asarray(value) for name, value in parameters.items()}
    return logits, (arguments, x), ()


def jax_main(peer, kind, sizes):
    import jax
    import jax.numpy as jnp
    from jax import lax

    trains = kind in BATCH or kind == "gpt2_step"
    work = (jax_gpt2() if kind == "gpt2_step" else jax_training(kind)) if trains else jax_kernel(
        kind, sizes)
    if work is None:
        skip("JAX", "has nothing of the kind")
    # Something small first, so that the client's own start is not counted.
    jax.jit(lambda a: a + 1)(jnp.float32(0)).block_until_ready()
    info = {"peer": "JAX, in a scan" if peer == "jax-scan" else "JAX", "version": jax.__version__,
            "compile_s": []}

    def compiled(function, *arguments, donate=()):
        for _ in range(1 if kind == "gpt2_step" else 3):
            jax.clear_caches()
            start = time.perf_counter()
            result = jax.jit(function, donate_argnums=donate).lower(*arguments).compile()
            info["compile_s"].append(time.perf_counter() - start)
        return result

    if trains:
        function, state = work
        if peer == "jax-scan":
            inner = function
            function = lambda s: lax.scan(lambda a, _: inner(a), s, None, length=SCAN)
        step = compiled(function, state, donate=0)
        holder = [state]
        per_call = SCAN if peer == "jax-scan" else 1

        def run(steps):
            s = holder[0]
            for _ in range(-(-steps // per_call)):
                s, loss = step(s)
            jax.block_until_ready((s, loss))
            holder[0] = s
    else:
        function, arguments, donated = work
        step = compiled(function, *arguments, donate=donated)
        holder = list(arguments)

        def run(steps):
            for _ in range(steps):
                result = step(*holder)
                if donated:
                    holder[0] = result
            jax.block_until_ready(result)

    run(2)
    serve_scaled(info, run, SCAN if peer == "jax-scan" else 1)


def serve_scaled(info, run, per_call):
    """As serve(), where steps are rounded up to whole calls: time is scaled back."""
    print(json.dumps(info), flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        run(steps)
        done = -(-steps // per_call) * per_call
        print(f"{(time.perf_counter() - start) * steps / done:.9f}", flush=True)


def main():
    peer, workload, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    kind, _, tail = workload.rpartition("/")
    kind = kind or workload
    sizes = tuple(int(s) for s in tail.split("x")) if tail and tail[0].isdigit() else ()
    try:
        if peer.startswith("jax"):
            jax_main(peer, kind, sizes)
        elif peer == "onnxruntime":
            peers_onnx.onnxruntime_main(kind, sizes, threads)
        elif peer == "openvino":
            peers_onnx.openvino_main(kind, sizes, threads)
        else:
            torch_main(peer, kind, sizes, threads)
    except ImportError as error:
        skip(peer, f"is not installed: {error}")


if __name__ == "__main__":
    main()
