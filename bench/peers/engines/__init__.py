"""The engines that worker.py can run, by name; each module holds one class `Engine`:

libraries()          shared libraries that an application would load, the main one first
load(model, inputs)  what comes before the first run; `inputs` is a worker.Inputs
run()                one inference, with everything bound; the only thing that is timed
outputs()            arrays of the last run, in the model's order; None for what is no tensor
version, settings    text
"""
PYTHON_ENGINES = ("onnxruntime", "openvino", "ncnn")
INLAY = ("inlay", "inlay_prepared")  # inlay_peer; from the ONNX file, and from a prepared file
ENGINES = INLAY + PYTHON_ENGINES
