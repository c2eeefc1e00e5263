# The command as a person calls it: what it prints, and that it fails when it should.
set(digits ${PROJECT_SOURCE_DIR}/examples/digits/digits.onnx)

function(inlay_command_test name answer)
  add_test(NAME command_${name} COMMAND inlay_command ${ARGN})
  set_tests_properties(command_${name} PROPERTIES PASS_REGULAR_EXPRESSION "${answer}")
endfunction()

# Also a success by its exit code.
function(inlay_command_succeeds name)
  add_test(NAME command_${name} COMMAND inlay_command ${ARGN})
endfunction()

function(inlay_command_fails name)
  add_test(NAME command_${name} COMMAND inlay_command ${ARGN})
  set_tests_properties(command_${name} PROPERTIES WILL_FAIL ON)
endfunction()

inlay_command_test(version "inlay [0-9.]+.*instruction sets" --version)
inlay_command_succeeds(inspect_succeeds inspect ${digits})
inlay_command_test(inspect "opset .*ai.onnx 17.*Conv.*image  float32.N, 1, 8, 8.*probabilities"
  inspect ${digits})
inlay_command_test(inspect_passes "== as read.*== after " inspect ${digits} --passes)
inlay_command_test(inspect_json "\"name\": \"image\"" inspect ${digits} --json)
inlay_command_test(bench "p50 .*GFLOP/s.*peak" bench ${digits} --duration 0.05 --batch 4)
inlay_command_test(bench_json "\"share_of_peak\": [0-9]" bench ${digits} --duration 0.05 --json
  --shape image=3x1x8x8 --threads 2)

set(prepared ${CMAKE_CURRENT_BINARY_DIR}/digits.inlay)
inlay_command_test(prepare "digits.inlay (written|is up to date) " prepare ${digits} -o ${prepared})
inlay_command_test(bench_prepared "load .*p50 " bench ${prepared} --duration 0.05)
inlay_command_test(prepare_again "\"written\": false" prepare ${digits} -o ${prepared} --check --json)
inlay_command_test(prepared_for_another_backend "stale: .*list of backends"
  bench ${prepared} --backend reference)
set_tests_properties(command_prepare PROPERTIES FIXTURES_SETUP prepared_digits)
set_tests_properties(command_bench_prepared command_prepare_again
  command_prepared_for_another_backend PROPERTIES FIXTURES_REQUIRED prepared_digits)

inlay_command_test(compare "1 run on made-up inputs.*probabilities +0 +0 +1.0.* inf +100.00 %"
  compare ${digits} ${digits} --batch 3)
inlay_command_test(compare_layers "value.*probabilities .*relu1 .*hidden " compare ${digits} ${digits} --layers)
inlay_command_test(compare_json "\"relative\": 0.0" compare ${digits} ${digits} --json)
inlay_command_succeeds(compare_within compare ${digits} ${digits} --max-error 0)

inlay_command_test(quantize_weights "written: 2 of 4 nodes in int4, constants 3" quantize ${digits}
  -o ${CMAKE_CURRENT_BINARY_DIR}/digits4.onnx --precision int4 --block 16)
set(dynamic ${CMAKE_CURRENT_BINARY_DIR}/digits_dynamic.onnx)
inlay_command_test(quantize_without_samples "written: 2 of 4 nodes in int8.*values as codes of each run"
  quantize ${digits} -o ${dynamic} --report)
inlay_command_test(quantized_without_samples_runs "DynamicQuantizeMatMul +cpu" inspect ${dynamic})
set_tests_properties(command_quantize_without_samples PROPERTIES FIXTURES_SETUP dynamic_digits)
set_tests_properties(command_quantized_without_samples_runs PROPERTIES FIXTURES_REQUIRED dynamic_digits)
inlay_command_test(quantize_half "written: 4 of 4 nodes in bf16.*  f16 .*  bf16 .*weights of 16 bits"
  quantize ${digits} -o ${CMAKE_CURRENT_BINARY_DIR}/half.onnx --precision bf16 --node Conv=f16 --report)
inlay_command_test(quantize_bad_rule "invalid_argument: .*'Conv:f16' is not NAME=PRECISION"
  quantize ${digits} -o ${CMAKE_CURRENT_BINARY_DIR}/none.onnx --node Conv:f16)
inlay_command_test(quantize_bound_without_samples "invalid_argument: .*there are none"
  quantize ${digits} -o ${CMAKE_CURRENT_BINARY_DIR}/none.onnx --max-error 0.1)

set(sparse ${CMAKE_CURRENT_BINARY_DIR}/digits_sparse.onnx)
inlay_command_test(quantize_zeros "written: 2 of 4 nodes with zeros.* 50.0 % zeros, weights pruned"
  quantize ${digits} -o ${sparse} --sparsity 0.5 --sparsity-pattern block4 --report --float Conv)
inlay_command_succeeds(model_with_zeros_runs inspect ${sparse})
set_tests_properties(command_quantize_zeros PROPERTIES FIXTURES_SETUP sparse_digits)
set_tests_properties(command_model_with_zeros_runs PROPERTIES FIXTURES_REQUIRED sparse_digits)
inlay_command_test(quantize_all_zeros "invalid_argument: .*from 0 to below 1"
  quantize ${digits} -o ${CMAKE_CURRENT_BINARY_DIR}/none.onnx --sparsity 1)

inlay_command_test(operators "Abs . 1 . numbers .*Relu . 1 . floats, signed integers" operators)

inlay_command_fails(no_file inspect no_such_file.onnx)
inlay_command_fails(not_a_model inspect ${CMAKE_CURRENT_LIST_FILE})
inlay_command_fails(no_subcommand)
inlay_command_fails(unknown_isa --isa z80 inspect ${digits})
inlay_command_fails(unknown_backend inspect ${digits} --backend abacus)
inlay_command_fails(missing_input run ${digits})
inlay_command_fails(unknown_input run ${digits} --input nothing=a.npy)
inlay_command_fails(bad_shape bench ${digits} --shape image=1x2xb)
inlay_command_fails(compare_no_data compare ${digits} ${digits} --data ${CMAKE_CURRENT_LIST_DIR})
inlay_command_fails(compare_no_language_model
  compare ${digits} ${digits} --perplexity --data ${CMAKE_CURRENT_LIST_DIR})
inlay_command_fails(no_case verify ${digits} ${CMAKE_CURRENT_LIST_DIR})
inlay_command_fails(empty_conformance conformance ${CMAKE_CURRENT_LIST_DIR})
inlay_command_test(missing_input_says_what "not_found.*image" run ${digits})

include(InlayTestData)
set(data ${INLAY_TEST_DATA_FOLDER})
include(conformance_tests.cmake)
if(NOT data)
  return()
endif()
set(squeezenet ${data}/models/squeezenet_fp32)
inlay_command_test(verify "pass .*max error.*1 passed, 0 failed"
  verify ${squeezenet}/squeezenet_fp32.onnx ${squeezenet}/test_data_set_goldfish)
inlay_command_fails(verify_wrong_answer
  verify ${squeezenet}/squeezenet_fp32.onnx ${squeezenet}/test_data_set_goldfish --rtol 0 --atol 0)
inlay_command_test(run_picture "^ *[0-9.]+  n[0-9]+ goldfish"
  run ${squeezenet}/squeezenet_fp32.onnx --input data_0=${data}/inputs/ort_examples/goldfish.jpg
  --labels ${data}/inputs/ort_examples/synset.txt
  --scale 1 --mean 104,117,123 --channels bgr --fit crop)
set(squeezenet8 ${CMAKE_CURRENT_BINARY_DIR}/squeezenet8.onnx)
inlay_command_test(quantize "squeezenet8.onnx written: 63 of 63 nodes in int8, constants 1.2 MiB"
  quantize ${squeezenet}/squeezenet_fp32.onnx -o ${squeezenet8} --calibration ${squeezenet})
inlay_command_test(quantized_picture "^ *[0-9.]+  n[0-9]+ goldfish"
  run ${squeezenet8} --input data_0=${data}/inputs/ort_examples/goldfish.jpg
  --labels ${data}/inputs/ort_examples/synset.txt
  --scale 1 --mean 104,117,123 --channels bgr --fit crop)
inlay_command_succeeds(quantized_agrees
  compare ${squeezenet}/squeezenet_fp32.onnx ${squeezenet8} --data ${squeezenet} --max-error 0.12)
set_tests_properties(command_quantize PROPERTIES FIXTURES_SETUP quantized_squeezenet)
set_tests_properties(command_quantized_picture command_quantized_agrees
  PROPERTIES FIXTURES_REQUIRED quantized_squeezenet)
inlay_command_test(quantize_unknown_node "not_found: .*'Elbow'"
  quantize ${squeezenet}/squeezenet_fp32.onnx -o ${CMAKE_CURRENT_BINARY_DIR}/none.onnx
  --calibration ${squeezenet} --float Elbow)
inlay_command_test(bench_case "p50 .*peak"
  bench ${data}/models/silero_vad/silero_vad.onnx --duration 0.05
  --case ${data}/models/silero_vad/test_data_set_silero_vad_jfk_chunk20)
set(tashkeel ${data}/models/libtashkeel)
inlay_command_test(compare_int8 "4 runs on .*output +0 +0 .*ArgMax_2259 +0.0"
  compare ${tashkeel}/model_fp32.onnx ${tashkeel}/model_int8.onnx --data ${tashkeel} --max-error 0.05)
inlay_command_fails(compare_int8_too_far
  compare ${tashkeel}/model_fp32.onnx ${tashkeel}/model_int8.onnx --data ${tashkeel} --max-error 1e-5)
inlay_command_test(compare_pictures "5 runs on .*softmaxout_1 +[0-9.e-]+ +[0-9.e-]+ .*100.00 %"
  compare ${squeezenet}/squeezenet_fp32.onnx ${data}/models/squeezenet_fp16/SqueezeNet_fp16.onnx
  --data ${squeezenet})
set(stories ${data}/models/stories260k)
inlay_command_test(compare_perplexity "perplexity  A [0-9.]+  B [0-9.]+  .*of 63 tokens"
  compare ${stories}/stories260K_kv.onnx ${stories}/stories260K_kv.onnx --backend-b reference
  --perplexity --data ${stories}/test_data_set_prefill64/input_0.pb)
inlay_command_test(conformance "[1-9][0-9]* passed, 0 failed, 0 skipped"
  conformance ${data}/onnx/node --filter "test_(add|relu|conv_with_strides)")
add_test(NAME operators_table COMMAND ${CMAKE_COMMAND} -DINLAY=$<TARGET_FILE:inlay_command>
  -DDATA=${data}/onnx -DPAGE=${PROJECT_SOURCE_DIR}/docs/operators.md
  -P ${CMAKE_CURRENT_LIST_DIR}/operators_table_test.cmake)
inlay_command_test(operators_cases "Softsign . 1 . floats . [1-9]"
  operators ${data}/onnx/node/test_softsign)
include(model_tests.cmake)
