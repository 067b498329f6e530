"""ONNX Runtime and OpenVINO as peers (benchmarks/peers.py): graphs of one node, and the MLP."""

import time

from peers_common import normal, serve, skip


def onnx_model(kind, sizes):
    """(model bytes, input arrays), or None."""
    import numpy
    from onnx import TensorProto, helper, numpy_helper
    inputs, initializers, nodes = [], [], []

    def value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def weights(name, array):
        initializers.append(numpy_helper.from_array(array, name))

    if kind == "gemm":
        m, n, k = sizes
        inputs, out = [("a", (m, k)), ("b", (k, n))], (m, n)
        nodes = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    elif kind == "layer_norm":
        inputs, out = [("x", sizes)], sizes
        weights("scale", numpy.ones(sizes[1], "float32"))
        weights("offset", numpy.zeros(sizes[1], "float32"))
        nodes = [helper.make_node("LayerNormalization", ["x", "scale", "offset"], ["y"], axis=-1,
                                  epsilon=1e-5)]
    elif kind == "softmax":
        inputs, out = [("x", sizes)], sizes
        nodes = [helper.make_node("Softmax", ["x"], ["y"], axis=-1)]
    elif kind == "gelu":
        inputs, out = [("x", sizes)], sizes
        nodes = [helper.make_node("Gelu", ["x"], ["y"], approximate="none")]
    elif kind == "mlp_inference":
        dims = (784, 512, 256, 10)
        inputs, out = [("x", (sizes[0], 784))], (sizes[0], 10)
        last = "x"
        for i, (m, n) in enumerate(zip(dims, dims[1:])):
            weights(f"w{i}", 0.05 * normal((m, n), i))
            weights(f"b{i}", numpy.zeros(n, "float32"))
            name = "y" if i == 2 else f"h{i}"
            nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [name if i == 2 else f"g{i}"]))
            if i < 2:
                nodes.append(helper.make_node("Relu", [f"g{i}"], [name]))
            last = name
    else:
        return None
    graph = helper.make_graph(nodes, "benchmark", [value(*i) for i in inputs], [value("y", out)],
                              initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    arrays = {name: normal(shape, i) for i, (name, shape) in enumerate(inputs)}
    return model.SerializeToString(), arrays, out


def onnxruntime_main(kind, sizes, threads):
    import numpy
    import onnxruntime
    made = onnx_model(kind, sizes)
    if made is None:
        skip("ONNX Runtime", "has nothing of the kind")
    model, arrays, out = made
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    start = time.perf_counter()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    compile_s = time.perf_counter() - start
    binding = session.io_binding()
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in arrays.values()]
    for name, v in zip(arrays, values):
        binding.bind_ortvalue_input(name, v)
    result = onnxruntime.OrtValue.ortvalue_from_numpy(numpy.zeros(out, "float32"))
    binding.bind_ortvalue_output("y", result)

    def run(steps):
        for _ in range(steps):
            session.run_with_iobinding(binding)

    run(2)
    serve({"peer": "ONNX Runtime", "version": onnxruntime.__version__, "compile_s": [compile_s]}, run)


def openvino_main(kind, sizes, threads):
    import openvino
    made = onnx_model(kind, sizes)
    if made is None:
        skip("OpenVINO", "has nothing of the kind")
    model, arrays, _ = made
    core = openvino.Core()
    start = time.perf_counter()
    compiled = core.compile_model(
        core.read_model(model), "CPU",
        {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
         "INFERENCE_PRECISION_HINT": "f32"})
    compile_s = time.perf_counter() - start
    request = compiled.create_infer_request()
    for name, a in arrays.items():
        request.set_tensor(name, openvino.Tensor(a, shared_memory=True))

    def run(steps):
        for _ in range(steps):
            request.infer()

    run(2)
    serve({"peer": "OpenVINO", "version": openvino.__version__.split("-")[0],
           "compile_s": [compile_s]}, run)
