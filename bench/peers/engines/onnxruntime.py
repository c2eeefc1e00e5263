"""ONNX Runtime, CPU provider: all graph optimisations, inputs and outputs bound."""
from .packages import files


def libraries():
    return files("onnxruntime", "capi/libonnxruntime.so.*", "capi/onnxruntime_pybind11_state*.so")[:1]


class Engine:
    def __init__(self):
        import onnxruntime
        self.api = onnxruntime
        self.version = onnxruntime.__version__

    def load(self, model, inputs):
        ort = self.api
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads = inputs.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        for name, size in inputs.dimensions.items():
            options.add_free_dimension_override_by_name(name, size)
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.kept = [ort.OrtValue.ortvalue_from_numpy(array) for array in inputs.arrays]
        for name, value in zip(inputs.names, self.kept):
            self.binding.bind_ortvalue_input(name, value)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name, "cpu")
        self.settings = (f"intra_op_num_threads={inputs.threads}, inter_op_num_threads=1, "
                         "ORT_ENABLE_ALL, ORT_SEQUENTIAL, spinning as by default, IOBinding, "
                         "free dimensions fixed")

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def fix_outputs(self):
        """From the second run on, outputs go to the memory that the first one got."""
        values = self.binding.get_outputs()
        if all(v.is_tensor() and "string" not in v.data_type() for v in values):
            for output, value in zip(self.session.get_outputs(), values):
                self.binding.bind_ortvalue_output(output.name, value)

    def outputs(self):
        return [value.numpy() if value.is_tensor() else None for value in self.binding.get_outputs()]
