"""Standard architectures with seeded weights, made once and kept in a folder."""
import numpy

import cases

from . import detector, speech, transformers, vision
from .net import save

VERSION = 1  # of all files: one more when a generator changes

_MAKERS = {
    "resnet50_b1": lambda: vision.resnet50(1),
    "resnet50_b8": lambda: vision.resnet50(8),
    "mobilenet_v2": lambda: vision.mobilenet_v2(1),
    "mobilenet_v3_large": lambda: vision.mobilenet_v3_large(1),
    "efficientnet_b0": lambda: vision.efficientnet_b0(1),
    "yolo_640": lambda: detector.yolo(1),
    "unet_256": lambda: vision.unet(1),
    "bert_base_s128_b1": lambda: transformers.bert_base(1),
    "bert_base_s128_b8": lambda: transformers.bert_base(8),
    "vit_b16": lambda: transformers.vit_b16(1),
    "gpt2_prefill_128": lambda: transformers.gpt2(128, 0),
    "gpt2_decode_128": lambda: transformers.gpt2(1, 128),
    "lstm_stack": speech.lstm_stack,
    "gru_stack": speech.gru_stack,
    "conformer": speech.conformer,
}
NAMES = tuple(_MAKERS)
_SMALLEST_VOCABULARY = 30522


def load(name, folder):
    path = folder / f"{name}-v{VERSION}.onnx"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-v*.onnx"):
            old.unlink()
        save(_MAKERS[name](), path)
    model = cases.load(path, name)
    random = numpy.random.default_rng(2)
    for i, (port, array) in enumerate(model.inputs):
        if port == "input_ids":
            ids = random.integers(0, _SMALLEST_VOCABULARY, array.shape)
            model.inputs[i] = (port, ids.astype(array.dtype))
    return model
