"""Recurrent stacks and a Conformer encoder."""
import math

from .net import Net


def _recurrent(net, kind, gates, x, size_in, size, directions, **attributes):
    scale = 1 / math.sqrt(size)
    weights = (net.weight((directions, gates * size, size_in), 1 / math.sqrt(size_in)),
               net.weight((directions, gates * size, size), scale),
               net.weight((directions, 2 * gates * size), 0.05))
    return net.op(kind, x, *weights, hidden_size=size,
                  direction="forward" if directions == 1 else "bidirectional", **attributes)


def lstm_stack(steps=100, size=512, layers=3):
    net = Net("lstm_stack")
    x = net.input("features", [steps, 1, 80])
    size_in = 80
    for _ in range(layers):
        x = net.op("Squeeze", _recurrent(net, "LSTM", 4, x, size_in, size, 1), [1])
        size_in = size
    net.output(net.linear(x, size, 128), "logits", [steps, 1, 128])
    return net.model()


def gru_stack(steps=100, size=256, layers=2):
    """Both directions."""
    net = Net("gru_stack")
    x = net.input("features", [steps, 1, 80])
    size_in = 80
    for _ in range(layers):
        x = _recurrent(net, "GRU", 3, x, size_in, size, 2, linear_before_reset=1)
        x = net.op("Reshape", net.op("Transpose", x, perm=[0, 2, 1, 3]), [0, 0, -1])
        size_in = 2 * size
    net.output(net.linear(x, size_in, 128), "logits", [steps, 1, 128])
    return net.model()


class _Conformer(Net):
    size, heads_count, kernel = 256, 4, 31

    def half_feed_forward(self, x):
        y = self.silu(self.linear(self.layer_norm(x, self.size), self.size, 4 * self.size, gain=2))
        y = self.linear(y, 4 * self.size, self.size, gain=2)
        return self.op("Add", x, self.op("Mul", y, 0.5))

    def attention(self, x, steps):
        size, heads = self.size, self.heads_count
        y = self.layer_norm(x, size)
        shape = [1, steps, heads, size // heads]
        q = self.heads(self.linear(y, size, size, gain=2), shape)
        k = self.heads(self.linear(y, size, size, gain=2), shape, (0, 2, 3, 1))
        v = self.heads(self.linear(y, size, size), shape)
        scores = self.op("Div", self.op("MatMul", q, k), math.sqrt(size // heads))
        y = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        return self.op("Add", x, self.linear(self.merge_heads(y, [1, steps, size]), size, size))

    def convolution(self, x):
        size = self.size
        y = self.op("Transpose", self.layer_norm(x, size), perm=[0, 2, 1])
        y = self.conv(y, size, 2 * size, (1,), gain=1)
        value, gate = self.op("Split", y, [size, size], outputs=2, axis=1)
        y = self.op("Mul", value, self.op("Sigmoid", gate))
        y = self.silu(self.conv(y, size, size, (self.kernel,), groups=size, gain=4))
        y = self.conv(y, size, size, (1,), gain=2)
        return self.op("Add", x, self.op("Transpose", y, perm=[0, 2, 1]))

    def block(self, x, steps):
        x = self.attention(self.half_feed_forward(x), steps)
        return self.layer_norm(self.half_feed_forward(self.convolution(x)), self.size)


def conformer(frames=400, mels=80, layers=4):
    """Two convolutions that take every fourth frame, then blocks of 256 channels."""
    net = _Conformer("conformer")
    size = net.size
    x = net.input("features", [1, 1, frames, mels])
    x = net.op("Relu", net.conv(x, 1, size, 3, 2))
    x = net.op("Relu", net.conv(x, size, size, 3, 2))
    steps, rest = frames // 4, mels // 4
    x = net.op("Reshape", net.op("Transpose", x, perm=[0, 2, 1, 3]), [1, steps, size * rest])
    x = net.linear(x, size * rest, size)
    for _ in range(layers):
        x = net.block(x, steps)
    net.output(x, "encoded", [1, steps, size])
    return net.model()
