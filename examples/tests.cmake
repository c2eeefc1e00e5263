# The examples as tests: those that need models run where the test data are.
function(inlay_example_test name answer)
  add_test(NAME example_${name} COMMAND ${ARGN})
  set_tests_properties(example_${name} PROPERTIES PASS_REGULAR_EXPRESSION "${answer}")
endfunction()

inlay_example_test(quickstart "right: 9[789]" quickstart ${CMAKE_CURRENT_SOURCE_DIR}/digits)

include(InlayTestData)
set(data ${INLAY_TEST_DATA_FOLDER})
if(NOT TARGET inlay_io OR NOT data)
  return()
endif()

set(out ${CMAKE_CURRENT_BINARY_DIR})
set(squeezenet ${data}/models/squeezenet_fp32/squeezenet_fp32.onnx
  ${data}/inputs/ort_examples/synset.txt)
inlay_example_test(classify_goldfish "^ *[0-9.]+ %  n[0-9]+ goldfish"
  classify ${squeezenet} ${data}/inputs/ort_examples/goldfish.jpg)
inlay_example_test(classify_coffee "^ *[0-9.]+ %  n[0-9]+ espresso"
  classify ${squeezenet} ${data}/inputs/skimage/coffee.png)
inlay_example_test(classify_pineapple "^ *[0-9.]+ %  n[0-9]+ pineapple"
  classify ${squeezenet} ${data}/inputs/ort_extensions/pineapple.jpg)

set(ultraface ${data}/models/ultraface/version-RFB-320.onnx)
inlay_example_test(faces_astronaut "faces: 1,"
  detect_faces ${ultraface} ${data}/inputs/skimage/astronaut.png ${out}/astronaut.png)
inlay_example_test(faces_grace_hopper "faces: 1,"
  detect_faces ${ultraface} ${data}/inputs/misc/grace_hopper.jpg ${out}/grace_hopper.png)
inlay_example_test(faces_coffee "faces: 0,"
  detect_faces ${ultraface} ${data}/inputs/skimage/coffee.png ${out}/coffee.png)

inlay_example_test(voice_activity "speech from .* chunks are speech"
  voice_activity ${data}/models/silero_vad/silero_vad.onnx ${data}/inputs/jfk/jfk.wav
  ${out}/jfk.png)
