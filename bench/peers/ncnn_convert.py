"""ONNX to ncnn's format by its converter, pnnx; kept in a folder and made once."""
import hashlib
import json
import re
import subprocess
import tempfile
from pathlib import Path

import onnx

from cases import true_inputs
from engines.packages import files

TIMEOUT = 600
TYPES = {"float32": "f32", "float16": "f16", "float64": "f64", "int64": "i64", "int32": "i32",
         "bool": "u8", "uint8": "u8", "int8": "i8"}


class ConversionError(Exception):
    pass


def _shapes(model):
    texts = []
    for name, array in model.inputs:
        kind = TYPES.get(array.dtype.name)
        if not kind:
            raise ConversionError(f"pnnx has no {array.dtype} input ({name})")
        texts.append(f"[{','.join(map(str, array.shape))}]{kind}")
    return ",".join(texts)


def _batch_axes(code, call):
    """Of each input or output in turn: the axis that the generated code takes for the batch."""
    axes = {int(i): re.search(r"batch_index=(\d+)", rest) for i, rest in re.findall(call, code)}
    return [int(axes[i].group(1)) if axes[i] else None for i in sorted(axes)]


def _convert(model, target):
    program = files("pnnx", "pnnx")[0]
    shapes = _shapes(model)
    with tempfile.TemporaryDirectory() as folder:
        proto = onnx.load(model.path)
        ports = true_inputs(proto.graph)  # pnnx takes all that is listed for inputs
        del proto.graph.input[:]
        proto.graph.input.extend(ports)
        onnx.save(proto, f"{folder}/m.onnx")
        try:
            done = subprocess.run([str(program), "m.onnx", f"inputshape={shapes}", "fp16=0"],
                                  cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ConversionError(f"pnnx does not end within {TIMEOUT} s") from None
        made = [Path(folder) / f"m.ncnn.{end}" for end in ("param", "bin")]
        code = Path(folder) / "m_ncnn.py"
        if done.returncode or not all(p.is_file() for p in made) or not code.is_file():
            plain = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)  # without colours
            words = plain.strip().splitlines()[-1:] or [""]
            raise ConversionError(f"pnnx does not convert it (status {done.returncode}): {words[0]}")
        unknown = sorted(set(re.findall(r"^((?:pnnx|aten|prim|onnx|F|torch|nn|Tensor)[.:]\S+)",
                                        made[0].read_text(), re.MULTILINE)))
        if unknown:
            raise ConversionError("pnnx leaves operators that ncnn has not: " + ", ".join(unknown))
        text = code.read_text()
        axes = {"inputs": _batch_axes(text, r'ex\.input\("in(\d+)", (.*)'),
                "outputs": _batch_axes(text, r"out\.append\(.*?\bout(\d+)(.*)")}
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in made:
            target.with_suffix(path.suffix).write_bytes(path.read_bytes())
        target.with_suffix(".json").write_text(json.dumps(axes))


def converted(model, cache):
    """The .param file. Errors: ConversionError, RuntimeError (no pnnx)."""
    file = model.path.resolve()
    key = f"{file} {file.stat().st_size} {file.stat().st_mtime_ns} {_shapes(model)}"
    target = cache / (file.stem + "-" + hashlib.sha256(key.encode()).hexdigest()[:16] + ".param")
    failure = target.with_suffix(".error")
    if failure.is_file():
        raise ConversionError(failure.read_text())
    if not target.with_suffix(".json").is_file():
        try:
            _convert(model, target)
        except ConversionError as error:
            cache.mkdir(parents=True, exist_ok=True)
            failure.write_text(str(error))
            raise
    return target
