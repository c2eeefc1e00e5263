# INLAY_TEST_DATA_FOLDER: the reference data of the tests; empty where there are none.
set(INLAY_TEST_DATA_FOLDER "$ENV{INLAY_TEST_DATA}")
if(NOT INLAY_TEST_DATA_FOLDER)
  set(INLAY_TEST_DATA_FOLDER ${PROJECT_SOURCE_DIR}/../shared/data)
endif()
if(NOT IS_DIRECTORY ${INLAY_TEST_DATA_FOLDER}/models)
  message(STATUS "No test data (INLAY_TEST_DATA): tests that need them are left out")
  set(INLAY_TEST_DATA_FOLDER "")
endif()
