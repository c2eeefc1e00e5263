"""Transformers, decomposed as PyTorch exports them."""
import math

import numpy
from onnx import TensorProto

from .net import Net

HEADS, SIZE, LAYERS = 12, 768, 12
HEAD = SIZE // HEADS


def _attend(net, q, k, v, batch, steps, mask=None):
    """q, v [batch, heads, steps, size]; k transposed to [batch, heads, size, steps]."""
    scores = net.op("Div", net.op("MatMul", q, k), math.sqrt(HEAD))
    if mask:
        scores = net.op("Add", scores, mask)
    x = net.op("MatMul", net.op("Softmax", scores, axis=-1), v)
    return net.merge_heads(x, [batch, steps, SIZE])


def _self_attention(net, x, batch, steps, mask=None):
    shape = [batch, steps, HEADS, HEAD]
    # Of more than unit size, so that some positions weigh more than others.
    q = net.heads(net.linear(x, SIZE, SIZE, gain=2), shape)
    k = net.heads(net.linear(x, SIZE, SIZE, gain=2), shape, (0, 2, 3, 1))
    v = net.heads(net.linear(x, SIZE, SIZE), shape)
    x = _attend(net, q, k, v, batch, steps, mask)
    return net.linear(x, SIZE, SIZE)


def _feed_forward(net, x, activation):
    return net.linear(activation(net.linear(x, SIZE, 4 * SIZE, gain=2)), 4 * SIZE, SIZE)


def bert_base(batch, steps=128):
    net = Net("bert_base")
    ids, mask, kinds = (net.input(name, [batch, steps], TensorProto.INT64)
                        for name in ("input_ids", "attention_mask", "token_type_ids"))
    x = net.op("Gather", net.weight((30522, SIZE), 0.5), ids)
    x = net.op("Add", x, net.op("Gather", net.weight((2, SIZE), 0.5), kinds))
    x = net.op("Add", x, net.weight((1, steps, SIZE), 0.5))
    x = net.layer_norm(x, SIZE, 1e-12)
    mask = net.op("Unsqueeze", net.op("Unsqueeze", mask, [1]), [2])
    mask = net.op("Cast", mask, to=TensorProto.FLOAT)
    mask = net.op("Mul", net.op("Sub", 1.0, mask), -3.4028234663852886e38)
    for _ in range(LAYERS):
        x = net.layer_norm(net.op("Add", _self_attention(net, x, batch, steps, mask), x), SIZE, 1e-12)
        x = net.layer_norm(net.op("Add", _feed_forward(net, x, net.gelu), x), SIZE, 1e-12)
    pooled = net.op("Tanh", net.gemm(net.op("Gather", x, 0, axis=1), SIZE, SIZE))
    net.output(x, "last_hidden_state", [batch, steps, SIZE])
    net.output(pooled, "pooler_output", [batch, SIZE])
    return net.model()


def vit_b16(batch):
    net = Net("vit_b16")
    patches = 14 * 14
    steps = patches + 1
    x = net.input("image", [batch, 3, 224, 224])
    x = net.conv(x, 3, SIZE, 16, 16, gain=1, pads=[0, 0, 0, 0])
    x = net.op("Transpose", net.op("Reshape", x, [batch, SIZE, patches]), perm=[0, 2, 1])
    token = net.initializer(numpy.repeat(net.normal((1, 1, SIZE), 0.5), batch, axis=0))
    x = net.op("Concat", token, x, axis=1)
    x = net.op("Add", x, net.weight((1, steps, SIZE), 0.5))
    for _ in range(LAYERS):
        x = net.op("Add", x, _self_attention(net, net.layer_norm(x, SIZE, 1e-6), batch, steps))
        x = net.op("Add", x, _feed_forward(net, net.layer_norm(x, SIZE, 1e-6), net.gelu))
    x = net.op("Gather", net.layer_norm(x, SIZE, 1e-6), 0, axis=1)
    net.output(net.gemm(x, SIZE, 1000), "logits", [batch, 1000])
    return net.model()


def _gelu_tanh(net, x):
    """GPT-2's: by the hyperbolic tangent."""
    inner = net.op("Add", x, net.op("Mul", net.op("Pow", x, 3.0), 0.044715))
    inner = net.op("Tanh", net.op("Mul", inner, math.sqrt(2 / math.pi)))
    return net.op("Mul", net.op("Mul", x, 0.5), net.op("Add", inner, 1.0))


def _conv1d(net, x, steps, size_in, size_out, gain=1.0):
    """The linear layer of GPT-2's reference code: a Gemm between two Reshapes."""
    x = net.op("Reshape", x, [-1, size_in])
    x = net.op("Gemm", x, net.weight((size_in, size_out), math.sqrt(gain / size_in)),
               net.weight((size_out,), 0.02))
    return net.op("Reshape", x, [1, steps, size_out])


def gpt2(steps, past):
    """`steps` new tokens after `past` cached ones; gives logits and the caches."""
    net = Net("gpt2")
    vocabulary, total = 50257, steps + past
    ids = net.input("input_ids", [1, steps], TensorProto.INT64)
    caches = [[net.input(f"past_{kind}_{i}", [1, HEADS, past, HEAD]) for kind in ("key", "value")]
              for i in range(LAYERS)] if past else [None] * LAYERS
    table = net.normal((vocabulary, SIZE), 0.3)
    x = net.op("Gather", net.initializer(table), ids)
    x = net.op("Add", x, net.weight((1, steps, SIZE), 0.3))
    visible = numpy.tril(numpy.ones((total, total), bool))[past:][None, None]
    presents = []
    for cache in caches:
        y = _conv1d(net, net.layer_norm(x, SIZE), steps, SIZE, 3 * SIZE, gain=1.5)
        q, k, v = (net.heads(part, [1, steps, HEADS, HEAD])
                   for part in net.op("Split", y, [SIZE] * 3, outputs=3, axis=2))
        if cache:
            k = net.op("Concat", cache[0], k, axis=2)
            v = net.op("Concat", cache[1], v, axis=2)
        presents.append((k, v))
        scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = net.op("Div", scores, math.sqrt(HEAD))
        scores = net.op("Where", visible, scores, -3.4028234663852886e38)
        y = net.op("MatMul", net.op("Softmax", scores, axis=-1), v)
        y = net.merge_heads(y, [1, steps, SIZE])
        x = net.op("Add", _conv1d(net, y, steps, SIZE, SIZE), x)
        y = _conv1d(net, net.layer_norm(x, SIZE), steps, SIZE, 4 * SIZE, gain=2)
        x = net.op("Add", x, _conv1d(net, _gelu_tanh(net, y), steps, 4 * SIZE, SIZE))
    logits = net.op("MatMul", net.layer_norm(x, SIZE), net.initializer(table.T))
    net.output(logits, "logits", [1, steps, vocabulary])
    for i, (k, v) in enumerate(presents):
        net.output(k, f"present_key_{i}", [1, HEADS, total, HEAD])
        net.output(v, f"present_value_{i}", [1, HEADS, total, HEAD])
    return net.model()
