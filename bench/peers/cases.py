"""The models that are compared, and the values they are run on."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper

QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger",
             "MatMulInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat",
             "MatMulNBits"}


@dataclass
class Model:
    name: str
    path: Path
    precision: str
    inputs: list  # of (name, array)
    dimensions: dict  # sizes of the axes that the model only names

    def write_inputs(self, folder):
        """What a worker reads."""
        for i, (_, array) in enumerate(self.inputs):
            numpy.save(folder / f"input_{i}.npy", array)
        about = {"names": [name for name, _ in self.inputs], "dimensions": self.dimensions}
        (folder / "inputs.json").write_text(json.dumps(about))


def true_inputs(graph):
    """The inputs without initializers, which older files list too."""
    constant = {t.name for t in graph.initializer} | {t.values.name for t in
                                                      graph.sparse_initializer}
    return [port for port in graph.input if port.name not in constant]


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from nodes_of(inner)


def precision_of(model):
    graphs = [model.graph] + list(model.functions)
    for node in (node for graph in graphs for node in nodes_of(graph)):
        if node.op_type in QUANTIZED or node.op_type.startswith("QLinear"):
            return "int8"
    sizes = {onnx.TensorProto.FLOAT: 0, onnx.TensorProto.FLOAT16: 0}
    for tensor in model.graph.initializer:
        if tensor.data_type in sizes:
            sizes[tensor.data_type] += int(numpy.prod(tensor.dims))
    return "f16" if sizes[onnx.TensorProto.FLOAT16] > sizes[onnx.TensorProto.FLOAT] else "f32"


def _shape(port, shapes):
    """What `shapes` says, with open axes 1 where it says nothing."""
    tensor = port.type.tensor_type
    if port.name in shapes:
        return shapes[port.name]
    if not tensor.HasField("shape"):
        raise ValueError(f"input {port.name} declares no shape: give --shape {port.name}=AxBxC")
    return [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else 1
            for d in tensor.shape.dim]


def made_up_input(port, shapes, random):
    """Values that most models accept: ids are 0 or 1, since a table has at least these."""
    if not port.type.HasField("tensor_type"):
        raise ValueError(f"input {port.name} is no tensor: only tensors can be made up")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type)
    shape = _shape(port, shapes)
    name = port.name.lower()
    if dtype.kind == "f" and "mask" not in name:
        return random.standard_normal(shape).astype(dtype)
    if dtype.kind in "iu" and "position" in name and shape:
        return numpy.broadcast_to(numpy.arange(shape[-1], dtype=dtype), shape).copy()
    if dtype.kind in "iu" and "mask" not in name and numpy.prod(shape) > 1:
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "fiub":
        return numpy.ones(shape, dtype)
    raise ValueError(f"input {port.name}: no values are made up for its type, {dtype}")


def _dimensions(ports, inputs):
    sizes = {}
    for port, (_, array) in zip(ports, inputs):
        for dim, size in zip(port.type.tensor_type.shape.dim, array.shape):
            if dim.dim_param:
                sizes[dim.dim_param] = int(size)
    return sizes


def load(path, name=None, shapes={}, case=None):
    """Reads a model file; its values are those of the folder `case`, or made up."""
    proto = onnx.load(path, load_external_data=False)
    ports = true_inputs(proto.graph)
    if case:
        arrays = [numpy_helper.to_array(onnx.load_tensor(case / f"input_{i}.pb"))
                  for i in range(len(ports))]
    else:
        random = numpy.random.default_rng(1)
        arrays = [made_up_input(port, shapes, random) for port in ports]
    inputs = [(port.name, array) for port, array in zip(ports, arrays)]
    return Model(name or Path(path).stem, Path(path), precision_of(proto), inputs,
                 _dimensions(ports, inputs))


def data_cases(data):
    """(name, model, case) of each model in the test data: its first case, and its last where that
    has other shapes."""
    models = {}
    for entry in json.loads((data / "models" / "manifest.json").read_text()):
        models.setdefault(entry["model"], []).append(entry)
    for file, entries in models.items():
        chosen = entries[:1]
        if entries[-1]["inputs"] != entries[0]["inputs"]:
            chosen.append(entries[-1])
        for entry in chosen:
            name = file.removesuffix(".onnx")
            if len(chosen) > 1:
                name += ":" + Path(entry["case"]).name.removeprefix("test_data_set_")
            yield name, data / "models" / file, data / "models" / entry["case"]
