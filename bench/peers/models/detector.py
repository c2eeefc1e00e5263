"""A detector of YOLO's eighth generation, smallest size: CSP backbone, two-way pyramid, heads
without anchors that give a distribution per side of a box."""
import numpy

from .net import Net

SIZE = 640
BINS = 16
CLASSES = 80


class _Yolo(Net):
    def unit(self, x, channels_in, channels, kernel=1, stride=1):
        return self.silu(self.conv(x, channels_in, channels, kernel, stride))

    def csp(self, x, channels_in, channels, repeats, shortcut):
        half = channels // 2
        x = self.unit(x, channels_in, channels)
        parts = self.op("Split", x, [half, half], outputs=2, axis=1)
        for _ in range(repeats):
            y = self.unit(self.unit(parts[-1], half, half, 3), half, half, 3)
            parts.append(self.op("Add", parts[-1], y) if shortcut else y)
        return self.unit(self.op("Concat", *parts, axis=1), half * len(parts), channels)

    def pyramid_pooling(self, x, channels):
        half = channels // 2
        parts = [self.unit(x, channels, half)]
        for _ in range(3):
            parts.append(self.op("MaxPool", parts[-1], kernel_shape=[5, 5], strides=[1, 1],
                                 pads=[2, 2, 2, 2]))
        return self.unit(self.op("Concat", *parts, axis=1), 4 * half, channels)

    def twice_as_large(self, x):
        return self.op("Resize", x, "", numpy.array([1, 1, 2, 2], numpy.float32), mode="nearest",
                       coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def head(self, x, channels, batch):
        boxes = self.unit(self.unit(x, channels, 64, 3), 64, 64, 3)
        boxes = self.conv(boxes, 64, 4 * BINS, 1, normalize=False)
        classes = self.unit(self.unit(x, channels, CLASSES, 3), CLASSES, CLASSES, 3)
        classes = self.conv(classes, CLASSES, CLASSES, 1, normalize=False)
        both = self.op("Concat", boxes, classes, axis=1)
        return self.op("Reshape", both, [batch, 4 * BINS + CLASSES, -1])


def _anchors():
    """Centres of all cells, [1, 2, cells], and the stride of each, [1, cells]."""
    points, strides = [], []
    for stride in (8, 16, 32):
        steps = numpy.arange(SIZE // stride) + 0.5
        y, x = numpy.meshgrid(steps, steps, indexing="ij")
        points.append(numpy.stack([x.ravel(), y.ravel()]))
        strides.append(numpy.full((1, x.size), stride))
    return (numpy.concatenate(points, 1)[None].astype(numpy.float32),
            numpy.concatenate(strides, 1).astype(numpy.float32))


def yolo(batch):
    net = _Yolo("yolo", normalized=True)
    x = net.input("image", [batch, 3, SIZE, SIZE])
    x = net.unit(net.unit(x, 3, 16, 3, 2), 16, 32, 3, 2)
    x = net.csp(x, 32, 32, 1, True)
    fine = net.csp(net.unit(x, 32, 64, 3, 2), 64, 64, 2, True)
    middle = net.csp(net.unit(fine, 64, 128, 3, 2), 128, 128, 2, True)
    x = net.csp(net.unit(middle, 128, 256, 3, 2), 256, 256, 1, True)
    coarse = net.pyramid_pooling(x, 256)

    up = net.op("Concat", net.twice_as_large(coarse), middle, axis=1)
    up = net.csp(up, 384, 128, 1, False)
    p3 = net.csp(net.op("Concat", net.twice_as_large(up), fine, axis=1), 192, 64, 1, False)
    down = net.op("Concat", net.unit(p3, 64, 64, 3, 2), up, axis=1)
    p4 = net.csp(down, 192, 128, 1, False)
    down = net.op("Concat", net.unit(p4, 128, 128, 3, 2), coarse, axis=1)
    p5 = net.csp(down, 384, 256, 1, False)

    levels = [net.head(level, width, batch) for level, width in ((p3, 64), (p4, 128), (p5, 256))]
    x = net.op("Concat", *levels, axis=2)
    sides, scores = net.op("Split", x, [4 * BINS, CLASSES], outputs=2, axis=1)
    points, strides = _anchors()
    cells = points.shape[2]
    sides = net.op("Transpose", net.op("Reshape", sides, [batch, 4, BINS, cells]), perm=[0, 2, 1, 3])
    bins = net.initializer(numpy.arange(BINS, dtype=numpy.float32).reshape(1, BINS, 1, 1))
    sides = net.op("Conv", net.op("Softmax", sides, axis=1), bins, kernel_shape=[1, 1])
    sides = net.op("Reshape", sides, [batch, 4, cells])
    near, far = net.op("Split", sides, [2, 2], outputs=2, axis=1)
    low = net.op("Sub", points, near)
    high = net.op("Add", points, far)
    centre = net.op("Div", net.op("Add", low, high), 2.0)
    boxes = net.op("Concat", centre, net.op("Sub", high, low), axis=1)
    boxes = net.op("Mul", boxes, strides)
    result = net.op("Concat", boxes, net.op("Sigmoid", scores), axis=1)
    net.output(result, "detections", [batch, 4 + CLASSES, cells])
    return net.model()
