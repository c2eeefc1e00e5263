#!/usr/bin/env python3
"""Compares Inlay with other engines: run.py --out DIR. What is measured: docs/performance.md."""
import argparse
import os
import sys
from pathlib import Path

import environment

DATA = environment.ROOT.parent / "shared" / "data"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="folder for results.json, table.md, chart.png")
    parser.add_argument("--models", nargs="+", default=["*"], metavar="MODEL",
                        help="ONNX files, or names of --list (* and ? match); default: all")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=AxBxC",
                        help="an input's shape in the files of --models; open axes are 1 otherwise")
    parser.add_argument("--threads", default="1,2", metavar="N,N")
    parser.add_argument("--precision", default="f32,f16,int8", help="kinds of models to take")
    parser.add_argument("--engines", default="inlay,inlay_prepared,onnxruntime,openvino,ncnn")
    parser.add_argument("--seconds", type=float, default=2, help="of runs, per engine and model")
    parser.add_argument("--cold-runs", type=int, default=5, help="cold starts per engine and model")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one step")
    parser.add_argument("--quick", action="store_true", help="few runs: only to see that it works")
    parser.add_argument("--list", action="store_true", help="print the built-in models and end")
    parser.add_argument("--data", type=Path, metavar="DIR",
                        default=Path(os.environ.get("INLAY_TEST_DATA", DATA)),
                        help="the test data whose models are compared too")
    parser.add_argument("--venv", type=Path, default=environment.BUILD / "venv",
                        help="virtual environment, made when missing")
    parser.add_argument("--cache", type=Path, default=environment.BUILD / "models",
                        help="where made and converted models are kept")
    parser.add_argument("--inlay", type=Path, help="an inlay_peer that is built already")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the build")
    options = parser.parse_args()
    if not options.out and not options.list:
        parser.error("--out is needed")
    return options


def main():
    options = arguments()
    environment.enter_venv(options.venv)
    import session  # needs what the environment holds

    if options.list:
        session.print_names(options)
        return 0
    if options.inlay and not options.inlay.is_file():
        sys.exit(f"--inlay {options.inlay}: no such file")
    options.inlay = options.inlay or environment.build_inlay(options.jobs)
    return session.compare(options)


if __name__ == "__main__":
    sys.exit(main())
