"""OpenVINO, CPU device: latency hint, one stream, computing in float32 as the other engines do."""
from .packages import files


def libraries():
    return files("openvino", "libs/libopenvino.so.*", "libs/libopenvino_intel_cpu_plugin.so",
                 "libs/libopenvino_onnx_frontend.so.*", "libs/libtbb.so.*")


class Engine:
    def __init__(self):
        import openvino
        self.api = openvino
        self.version = openvino.__version__.split("-")[0]

    def load(self, model, inputs):
        ov = self.api
        core = ov.Core()
        graph = core.read_model(model)
        by_name = dict(zip(inputs.names, inputs.arrays))
        ports = {name: port for port in graph.inputs for name in port.get_names()
                 if name in by_name}
        if graph.is_dynamic():
            graph.reshape({name: list(by_name[name].shape) for name in ports})
        # Left to itself it computes in bfloat16 on processors that have it.
        config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
                  "INFERENCE_NUM_THREADS": str(inputs.threads),
                  "INFERENCE_PRECISION_HINT": "f32"}
        self.compiled = core.compile_model(graph, "CPU", config)
        self.request = self.compiled.create_infer_request()
        self.kept = []
        for name in ports:
            tensor = ov.Tensor(by_name[name], shared_memory=by_name[name].ndim > 0)
            self.kept.append(tensor)
            self.request.set_tensor(name, tensor)
        self.settings = ", ".join(f"{k}={v}" for k, v in config.items()) + ", shapes fixed"

    def run(self):
        self.request.infer(share_outputs=True)

    def fix_outputs(self):
        pass

    def outputs(self):
        return [self.request.get_output_tensor(i).data.copy()
                for i in range(len(self.compiled.outputs))]
