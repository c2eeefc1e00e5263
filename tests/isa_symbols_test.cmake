# Refuses weak symbols in an instruction set's object file whose names do not carry its tag: a
# linker keeps one copy of a weak symbol, and could keep one that older processors cannot run.
#
# AArch64 has one instruction set, which all its processors run: there is nothing to refuse there.
#
#   cmake -DNM=nm -DOBJECTS=a.o:b.o -P isa_symbols_test.cmake
set(tag_sse2 "4sse2")
set(tag_avx2 "4fma3I[^ ]*4avx2")
set(tag_avx512 "8avx512bw")
set(tag_avxvnni "7avxvnni")
set(tag_avx512vnni "10avx512vnni")
set(tag_neon64 ".")

set(seen 0)
set(bad "")
string(REPLACE ":" ";" objects "${OBJECTS}")
foreach(object IN LISTS objects)
  if(NOT object MATCHES "/cpu/isa/([a-z0-9]+)\\.cpp\\.o(bj)?$")
    continue()
  endif()
  set(tag ${tag_${CMAKE_MATCH_1}})
  if(NOT tag)
    message(FATAL_ERROR "${object}: no tag is known for this instruction set")
  endif()
  math(EXPR seen "${seen} + 1")
  execute_process(COMMAND ${NM} ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" symbols "${symbols}")
  foreach(symbol IN LISTS symbols)
    # DW.ref.* is a pointer that every C++ object file with an unwind table holds: data, not code.
    if(symbol MATCHES "^[0-9a-f]+ [WVu] (.*)$" AND NOT symbol MATCHES " DW\\.ref\\."
       AND NOT symbol MATCHES "${tag}")
      string(APPEND bad "  ${object}: ${symbol}\n")
    endif()
  endforeach()
endforeach()

if(seen EQUAL 0)
  message(FATAL_ERROR "no object file of src/backends/cpu/isa/ among: ${OBJECTS}")
endif()
if(bad)
  message(FATAL_ERROR "weak symbols without their instruction set's tag:\n${bad}")
endif()
message(STATUS "${seen} object files hold no untagged weak symbol")
