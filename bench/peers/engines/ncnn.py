"""ncnn, on what its converter pnnx makes of the model; in float32, with its default algorithms."""
import json
from pathlib import Path

import numpy

from .packages import files


def libraries():
    return files("ncnn", "ncnn*.so")


class Engine:
    def __init__(self):
        import ncnn
        self.api = ncnn
        self.version = ncnn.__version__

    def load(self, model, inputs):
        """`model` is the .param file; the .json beside it says which axes are batches."""
        ncnn = self.api
        ports = json.loads(Path(model).with_suffix(".json").read_text())
        self.net = ncnn.Net()
        options = self.net.opt
        options.num_threads = inputs.threads
        options.use_vulkan_compute = False
        for flag in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed",
                     "bf16_storage"):
            if hasattr(options, "use_" + flag):
                setattr(options, "use_" + flag, False)
        if self.net.load_param(model) or self.net.load_model(str(Path(model).with_suffix(".bin"))):
            raise RuntimeError("ncnn does not load what pnnx made of the model")
        self.inputs = []
        self.outputs_of = ports["outputs"]
        for array, axis in zip(inputs.arrays, ports["inputs"]):
            if array.dtype == numpy.int64:
                array = array.astype(numpy.int32)
            mat = ncnn.Mat(array) if axis is None else ncnn.Mat(array, batch_index=axis)
            self.inputs.append(mat.clone())
        self.settings = f"num_threads={inputs.threads}, fp16 and bf16 off, else as by default"

    def run(self):
        extractor = self.net.create_extractor()
        for i, mat in enumerate(self.inputs):
            extractor.input(f"in{i}", mat)
        self.results = []
        for i in range(len(self.outputs_of)):
            status, mat = extractor.extract(f"out{i}")
            if status:
                raise RuntimeError(f"ncnn cannot compute output {i} (status {status})")
            self.results.append(mat)

    def fix_outputs(self):
        pass

    def outputs(self):
        return [mat.numpy().copy() if axis is None else mat.numpy(batch_index=axis).copy()
                for mat, axis in zip(self.results, self.outputs_of)]
