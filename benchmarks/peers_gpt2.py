"""GPT-2's training step (benchmarks/gpt2.h) in JAX and in PyTorch.

`peers_gpt2.py check` prints the losses of three steps of the tiny configuration, in f64: what
tests/frontend/gpt2_test.cc expects. benchmarks/peers.py times the full one.
"""

import sys

FULL = {"layers": 12, "heads": 12, "width": 768, "vocabulary": 50257, "context": 1024, "batch": 4,
        "tokens": 256}
TINY = {"layers": 2, "heads": 2, "width": 16, "vocabulary": 31, "context": 12, "batch": 2,
        "tokens": 8}


def shapes(c):
    """Parameters in the order in which the graph declares them."""
    w = c["width"]
    result = {"wte": (c["vocabulary"], w), "wpe": (c["context"], w)}

    def norm(at):
        result[at + "scale"] = result[at + "offset"] = (w,)

    def dense(at, m, n):
        result[at + "w"], result[at + "b"] = (m, n), (n,)

    for i in range(c["layers"]):
        norm(f"h{i}/norm1/")
        dense(f"h{i}/attention/qkv/", w, 3 * w)
        dense(f"h{i}/attention/out/", w, w)
        norm(f"h{i}/norm2/")
        dense(f"h{i}/mlp/in/", w, 4 * w)
        dense(f"h{i}/mlp/out/", 4 * w, w)
    norm("norm/")
    return result


def initial(c, numpy, dtype):
    """Parameters and a batch: the values of Gpt2InitialValue."""
    parameters = {}
    for p, (name, shape) in enumerate(shapes(c).items()):
        x = 0.7548776662 * numpy.arange(1, numpy.prod(shape) + 1) + 0.5698402910 * p
        value = 0.08 * (x - numpy.floor(x) - 0.5) + (1 if name.endswith("scale") else 0)
        # Rounded to f32 in any case: tenon's parameters are.
        parameters[name] = value.astype("float32").astype(dtype).reshape(shape)
    at = numpy.arange(c["batch"] * c["tokens"] + 1)
    ids = (at * at * 31 + 7 * at) % c["vocabulary"]
    shape = (c["batch"], c["tokens"])
    return parameters, ids[:-1].reshape(shape), ids[1:].reshape(shape)


def jax_step(c, tokens, targets, rate, decay=0.1, epsilon=1e-8):
    import jax
    import jax.numpy as jnp

    def norm(p, at, x):
        d = x - jnp.mean(x, -1, keepdims=True)
        return d * jax.lax.rsqrt(jnp.mean(d * d, -1, keepdims=True) + 1e-5) * p[at + "scale"] + p[
            at + "offset"]

    def dense(p, at, x):
        return x @ p[at + "w"] + p[at + "b"]

    def attention(p, at, x):
        b, t, w = x.shape
        q, k, v = (a.reshape(b, t, c["heads"], -1)
                   for a in jnp.split(dense(p, at + "qkv/", x), 3, -1))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (q.shape[-1]**0.5)
        scores = jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -jnp.inf)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)
        return dense(p, at + "out/", mixed.reshape(b, t, w))

    def loss_fn(p):
        h = p["wte"][tokens] + p["wpe"][:c["tokens"]]
        for i in range(c["layers"]):
            h = h + attention(p, f"h{i}/attention/", norm(p, f"h{i}/norm1/", h))
            m = dense(p, f"h{i}/mlp/in/", norm(p, f"h{i}/norm2/", h))
            h = h + dense(p, f"h{i}/mlp/out/", jax.nn.gelu(m, approximate=True))
        logits = norm(p, "norm/", h) @ p["wte"].T
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1))

    def step(state):
        p, m, v, t = state
        loss, g = jax.value_and_grad(loss_fn)(p)
        t = t + 1
        tree = jax.tree_util.tree_map
        m = tree(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = tree(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        scale = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = tree(lambda a, b, s: a - a * (rate * decay) - scale * b / (jnp.sqrt(s) + epsilon), p, m,
                 v)
        return (p, m, v, t), loss

    return step


def torch_model(c):
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):

        def __init__(self):
            super().__init__()
            w = c["width"]
            self.norm1, self.norm2 = nn.LayerNorm(w), nn.LayerNorm(w)
            self.qkv, self.out = nn.Linear(w, 3 * w), nn.Linear(w, w)
            self.mlp_in, self.mlp_out = nn.Linear(w, 4 * w), nn.Linear(4 * w, w)

        def forward(self, h):
            b, t, w = h.shape
            q, k, v = (a.view(b, t, c["heads"], -1).transpose(1, 2)
                       for a in self.qkv(self.norm1(h)).split(w, 2))
            # PyTorch's own attention kernel: what its users get.
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            h = h + self.out(mixed.transpose(1, 2).reshape(b, t, w))
            return h + self.mlp_out(
                functional.gelu(self.mlp_in(self.norm2(h)), approximate="tanh"))

    class Model(nn.Module):

        def __init__(self):
            super().__init__()
            self.wte = nn.Embedding(c["vocabulary"], c["width"])
            self.wpe = nn.Embedding(c["context"], c["width"])
            self.blocks = nn.ModuleList(Block() for _ in range(c["layers"]))
            self.norm = nn.LayerNorm(c["width"])

        def forward(self, tokens, targets):
            h = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
            for block in self.blocks:
                h = block(h)
            logits = functional.linear(self.norm(h), self.wte.weight)
            return functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    model = Model()
    for p in model.parameters():
        nn.init.normal_(p, std=0.02) if p.dim() > 1 else None
    return model


def check():
    import jax
    import numpy
    jax.config.update("jax_enable_x64", True)
    parameters, tokens, targets = initial(TINY, numpy, "float64")
    step = jax.jit(jax_step(TINY, tokens, targets, rate=0.01))

    def zeros():
        return {name: numpy.zeros_like(value) for name, value in parameters.items()}

    state = (parameters, zeros(), zeros(), 0.0)
    for _ in range(3):
        state, loss = step(state)
        print(f"{float(loss):.12f}")


if __name__ == "__main__":
    if sys.argv[1:] != ["check"]:
        raise SystemExit(__doc__)
    check()
