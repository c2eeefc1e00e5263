# ONNX's own test cases, every suite that is there: by default, on the reference backend alone, and on
# the oldest instruction set. Cases named in `left_out` are known to fail, for reasons given here.

function(inlay_conformance_suite name folder left_out)
  if(NOT IS_DIRECTORY ${folder})
    add_test(NAME conformance_${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: no ${folder}")
    set_tests_properties(conformance_${name} PROPERTIES SKIP_REGULAR_EXPRESSION "skipped")
    return()
  endif()
  set(options --filter "^(?!(${left_out})$)")
  if(INLAY_SANITIZE AND name STREQUAL light)  # whole image networks: the others take minutes
    set(options --filter "^light_(shufflenet|squeezenet|inception_v1)$")
  endif()
  inlay_command_succeeds(conformance_${name} conformance ${folder} ${options})
  if(INLAY_SANITIZE AND name STREQUAL light)
    return()
  endif()
  inlay_command_succeeds(conformance_${name}_reference
    conformance ${folder} ${options} --backend reference)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    inlay_command_succeeds(conformance_${name}_sse2 conformance ${folder} ${options} --isa sse2)
  endif()
endfunction()

# Of ONNX 1.12, in Debian's libonnx-testdata. Left out: casts to bfloat16 whose answers were cut off
# instead of rounded, CastLike with an input of another shape than its model declares, and the
# operators of training.
set(debian /usr/share/libonnx-testdata/data)
inlay_conformance_suite(debian_node ${debian}/node
  "test_cast_FLOAT_to_BFLOAT16|test_castlike_(FLOAT_to_BFLOAT16|BFLOAT16_to_FLOAT)(_expanded)?|test_(adam|adagrad|momentum|nesterov_momentum)(_multiple)?")
inlay_conformance_suite(debian_simple ${debian}/simple "test_gradient_of_.*")
inlay_conformance_suite(debian_pytorch_operator ${debian}/pytorch-operator "")
inlay_conformance_suite(debian_pytorch_converted ${debian}/pytorch-converted "")

# Left out: where the inverse transform is 0, the recorded answers are the rounding errors of single
# precision, larger than the tolerance.
inlay_conformance_suite(node "${data}/onnx/node" "test_dft_inverse(_opset19)?")
foreach(suite simple pytorch-operator pytorch-converted light)
  inlay_conformance_suite(${suite} "${data}/onnx/${suite}" "")
endforeach()
