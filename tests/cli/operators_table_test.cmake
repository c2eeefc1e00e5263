# The table in docs/operators.md is what the command prints. With UPDATE=1, writes it there.
execute_process(
  COMMAND ${INLAY} operators ${DATA}/node ${DATA}/simple ${DATA}/pytorch-operator
    ${DATA}/pytorch-converted
  OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)
file(READ ${PAGE} page)
string(FIND "${page}" "| Operator |" begin)
string(SUBSTRING "${page}" 0 ${begin} head)
if(UPDATE)
  file(WRITE ${PAGE} "${head}${table}")
elseif(NOT page STREQUAL "${head}${table}")
  message(FATAL_ERROR "docs/operators.md is out of date. To write it anew:\n"
    "  cmake -DUPDATE=1 -DINLAY=${INLAY} -DDATA=${DATA} -DPAGE=${PAGE} -P ${CMAKE_CURRENT_LIST_FILE}")
endif()
