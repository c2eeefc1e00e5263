"""Writes ONNX graphs with seeded weights, node by node as PyTorch's exporter would."""
import math

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # the first that opset 17 came with: older readers take it


class Net:
    def __init__(self, name, seed=1, normalized=False):
        """`normalized`: each convolution is one with a batch normalisation folded in, whose
        statistics are those of a random input; without, activations of deep networks run away."""
        self.name = name
        self.values = {} if normalized else None  # of everything so far, by name
        self.random = numpy.random.default_rng(seed)
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []
        self.known = {}  # constants by value
        self.count = 0

    # Graph.

    def _new_name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def input(self, name, shape, dtype=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        if self.values is not None:
            self.values[name] = self.random.standard_normal(shape, dtype=numpy.float32)
        return name

    def output(self, value, name, shape, dtype=TensorProto.FLOAT):
        self.nodes.append(helper.make_node("Identity", [value], [name], name=name + "_node"))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def op(self, kind, *inputs, outputs=1, **attributes):
        """One node; gives its output, or a list of them. Inputs: names, or numbers for constants."""
        names = [self.constant(i) if not isinstance(i, str) else i for i in inputs]
        results = [self._new_name(kind.lower()) for _ in range(outputs)]
        node = helper.make_node(kind, names, results, name=results[0] + "_node", **attributes)
        self.nodes.append(node)
        if self.values is not None:
            self.values.update(zip(results, self._evaluate(node)))
        return results[0] if outputs == 1 else results

    def constant(self, value):
        """Floats are float32, integers int64, as PyTorch writes them."""
        array = numpy.asarray(value)
        array = array.astype({"f": numpy.float32, "i": numpy.int64}.get(array.dtype.kind,
                                                                       array.dtype))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = self.initializer(array, "constant")
        return self.known[key]

    def initializer(self, array, stem="weight"):
        name = self._new_name(stem)
        self.initializers.append(numpy_helper.from_array(array.copy(order="C"), name))
        if self.values is not None:
            self.values[name] = array
        return name

    def _evaluate(self, node):
        """The node's outputs on the known values."""
        inputs = {name: self.values[name] for name in node.input if name}
        ports = [helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in inputs.items()]
        results = [onnx.ValueInfoProto(name=name) for name in node.output]
        model = self._model(helper.make_graph([node], "node", ports, results))
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)

    def normal(self, shape, scale, mean=0.0):
        values = self.random.standard_normal(shape, dtype=numpy.float32)
        values *= scale
        values += mean
        return values

    def weight(self, shape, scale, mean=0.0):
        return self.initializer(self.normal(shape, scale, mean))

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs,
                                  self.initializers)
        return self._model(graph)

    @staticmethod
    def _model(graph):
        return helper.make_model(graph, producer_name="inlay-peers", ir_version=IR_VERSION,
                                 opset_imports=[helper.make_opsetid("", OPSET)])

    # Layers. `gain` keeps the size of activations through what follows (He: 2 before a Relu).

    def conv(self, x, channels_in, channels_out, kernel, stride=1, groups=1, gain=2.0, pads=None,
             normalize=True):
        kernel = (kernel, kernel) if isinstance(kernel, int) else tuple(kernel)
        fan_in = channels_in // groups * math.prod(kernel)
        weight = self.normal((channels_out, channels_in // groups, *kernel),
                             math.sqrt(gain / fan_in))
        bias = self.normal((channels_out,), 0.05)
        half = [k // 2 for k in kernel]
        attributes = {"kernel_shape": kernel, "strides": [stride] * len(kernel), "group": groups,
                      "pads": half + half if pads is None else pads, "dilations": [1] * len(kernel)}
        if normalize and self.values is not None:
            weight, bias = self._normalized(x, weight, attributes)
        return self.op("Conv", x, self.initializer(weight), self.initializer(bias), **attributes)

    def _normalized(self, x, weight, attributes):
        """Weight and bias that give channels of about zero mean and unit variance."""
        self.values["w"] = weight
        result = self._evaluate(helper.make_node("Conv", [x, "w"], ["y"], **attributes))[0]
        axes = (0, *range(2, result.ndim))
        channels = len(weight)
        factor = self.normal((channels,), 0.1, 1.0) / numpy.sqrt(result.var(axes) + 1e-3)
        bias = self.normal((channels,), 0.1) - result.mean(axes) * factor
        return weight * factor.reshape(-1, *[1] * (weight.ndim - 1)), bias

    def linear(self, x, size_in, size_out, gain=1.0, bias=True):
        """nn.Linear on more than two axes: MatMul, then Add of the bias."""
        x = self.op("MatMul", x, self.weight((size_in, size_out), math.sqrt(gain / size_in)))
        return self.op("Add", self.weight((size_out,), 0.02), x) if bias else x

    def gemm(self, x, size_in, size_out, gain=1.0):
        """nn.Linear on two axes."""
        return self.op("Gemm", x, self.weight((size_out, size_in), math.sqrt(gain / size_in)),
                       self.weight((size_out,), 0.02), transB=1)

    def layer_norm(self, x, size, epsilon=1e-5):
        return self.op("LayerNormalization", x, self.weight((size,), 0.05, 1.0),
                       self.weight((size,), 0.05), axis=-1, epsilon=epsilon)

    def gelu(self, x):
        """By the error function."""
        inner = self.op("Erf", self.op("Div", x, math.sqrt(2)))
        return self.op("Mul", self.op("Mul", x, self.op("Add", inner, 1.0)), 0.5)

    def silu(self, x):
        return self.op("Mul", x, self.op("Sigmoid", x))

    def heads(self, x, shape, perm=(0, 2, 1, 3)):
        """[batch, steps, size] to [batch, heads, steps, size of a head]."""
        return self.op("Transpose", self.op("Reshape", x, shape), perm=perm)

    def merge_heads(self, x, shape):
        return self.op("Reshape", self.op("Transpose", x, perm=(0, 2, 1, 3)), shape)


def save(model, path):
    """Under its final name only once it is complete."""
    temporary = path.with_suffix(".part")
    onnx.save(model, temporary)
    temporary.rename(path)
