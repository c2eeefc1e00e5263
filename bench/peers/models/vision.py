"""Image classifiers and a segmentation network."""
from .net import Net


def _classifier(net, x, channels, hidden=None):
    x = net.op("GlobalAveragePool", x)
    x = net.op("Flatten", x, axis=1)
    if hidden:
        x = net.op("HardSwish", net.gemm(x, channels, hidden, gain=2))
        channels = hidden
    return net.gemm(x, channels, 1000, gain=4)


def _finish(net, logits, batch):
    net.output(logits, "logits", [batch, 1000])
    return net.model()


def resnet50(batch):
    net = Net("resnet50", normalized=True)
    x = net.input("image", [batch, 3, 224, 224])
    x = net.op("Relu", net.conv(x, 3, 64, 7, 2))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for blocks, width, stride in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)):
        for i in range(blocks):
            step = stride if i == 0 else 1
            y = net.op("Relu", net.conv(x, channels, width, 1))
            y = net.op("Relu", net.conv(y, width, width, 3, step))
            y = net.conv(y, width, 4 * width, 1)
            if i == 0:
                x = net.conv(x, channels, 4 * width, 1, step)
                channels = 4 * width
            x = net.op("Relu", net.op("Add", y, x))
    return _finish(net, _classifier(net, x, channels), batch)


def mobilenet_v2(batch):
    net = Net("mobilenet_v2", normalized=True)

    def relu6(value):
        return net.op("Clip", value, 0.0, 6.0)

    x = net.input("image", [batch, 3, 224, 224])
    x = relu6(net.conv(x, 3, 32, 3, 2))
    channels = 32
    for expand, width, repeats, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                           (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                           (6, 320, 1, 1)):
        for i in range(repeats):
            step = stride if i == 0 else 1
            y, inner = x, channels * expand
            if expand > 1:
                y = relu6(net.conv(y, channels, inner, 1))
            y = relu6(net.conv(y, inner, inner, 3, step, groups=inner))
            y = net.conv(y, inner, width, 1)
            x = net.op("Add", x, y) if step == 1 and width == channels else y
            channels = width
    x = relu6(net.conv(x, channels, 1280, 1))
    return _finish(net, _classifier(net, x, 1280), batch)


def _squeeze_excite(net, x, channels, squeezed, first, second):
    s = net.op("GlobalAveragePool", x)
    s = first(net.conv(s, channels, squeezed, 1, normalize=False))
    s = second(net.conv(s, squeezed, channels, 1, gain=1, normalize=False))
    return net.op("Mul", s, x)


# kernel, inner channels, channels, squeeze and excite, HardSwish instead of Relu, stride
_MOBILENET_V3 = (
    (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2),
    (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1),
    (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1),
    (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1))


def mobilenet_v3_large(batch):
    net = Net("mobilenet_v3_large", normalized=True)

    def relu(value):
        return net.op("Relu", value)

    def hard_swish(value):
        return net.op("HardSwish", value)

    def hard_sigmoid(value):
        return net.op("HardSigmoid", value, alpha=1 / 6, beta=0.5)

    x = net.input("image", [batch, 3, 224, 224])
    x = hard_swish(net.conv(x, 3, 16, 3, 2))
    channels = 16
    for kernel, inner, width, squeeze, swish, stride in _MOBILENET_V3:
        activation = hard_swish if swish else relu
        y = x
        if inner != channels:
            y = activation(net.conv(y, channels, inner, 1))
        y = activation(net.conv(y, inner, inner, kernel, stride, groups=inner))
        if squeeze:
            squeezed = (inner // 4 + 4) // 8 * 8
            y = _squeeze_excite(net, y, inner, squeezed, relu, hard_sigmoid)
        y = net.conv(y, inner, width, 1)
        x = net.op("Add", x, y) if stride == 1 and width == channels else y
        channels = width
    x = hard_swish(net.conv(x, channels, 960, 1))
    return _finish(net, _classifier(net, x, 960, hidden=1280), batch)


def efficientnet_b0(batch):
    net = Net("efficientnet_b0", normalized=True)

    def sigmoid(value):
        return net.op("Sigmoid", value)

    x = net.input("image", [batch, 3, 224, 224])
    x = net.silu(net.conv(x, 3, 32, 3, 2))
    channels = 32
    for expand, kernel, stride, width, repeats in (
            (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
            (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)):
        for i in range(repeats):
            step = stride if i == 0 else 1
            y, inner = x, channels * expand
            if expand > 1:
                y = net.silu(net.conv(y, channels, inner, 1))
            y = net.silu(net.conv(y, inner, inner, kernel, step, groups=inner))
            y = _squeeze_excite(net, y, inner, max(1, channels // 4), net.silu, sigmoid)
            y = net.conv(y, inner, width, 1)
            x = net.op("Add", y, x) if step == 1 and width == channels else y
            channels = width
    x = net.silu(net.conv(x, channels, 1280, 1))
    return _finish(net, _classifier(net, x, 1280), batch)


def unet(batch):
    """Four levels of 32 to 512 channels, with transposed convolutions up again."""
    net = Net("unet", normalized=True)

    def block(value, channels_in, channels):
        value = net.op("Relu", net.conv(value, channels_in, channels, 3))
        return net.op("Relu", net.conv(value, channels, channels, 3))

    x = net.input("image", [batch, 3, 256, 256])
    widths = (32, 64, 128, 256)
    channels, skipped = 3, []
    for width in widths:
        x = block(x, channels, width)
        skipped.append(x)
        x = net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        channels = width
    x = block(x, channels, 512)
    channels = 512
    for width in reversed(widths):
        weight = net.weight((channels, width, 2, 2), (1 / channels) ** 0.5)
        x = net.op("ConvTranspose", x, weight, net.weight((width,), 0.05), kernel_shape=[2, 2],
                   strides=[2, 2])
        x = net.op("Concat", x, skipped.pop(), axis=1)
        x = block(x, 2 * width, width)
        channels = width
    x = net.op("Sigmoid", net.conv(x, channels, 1, 1, normalize=False))
    net.output(x, "mask", [batch, 1, 256, 256])
    return net.model()
