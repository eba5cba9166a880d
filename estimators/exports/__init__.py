"""Proved models in the forms that other tools run: scikit-learn, torch, ONNX, safetensors. None of them is a proof."""
