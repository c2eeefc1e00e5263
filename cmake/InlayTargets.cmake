# The two library targets: inlay::headers (interface only) and inlay::inlay.
include(InlayIsa)
include(InlayOperators)

find_package(Threads REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_path(INLAY_PROTOZERO_INCLUDE protozero/pbf_reader.hpp REQUIRED)
find_path(INLAY_XSIMD_INCLUDE xsimd/xsimd.hpp REQUIRED)

add_library(inlay_headers INTERFACE)
add_library(inlay::headers ALIAS inlay_headers)
target_include_directories(inlay_headers INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(inlay_headers INTERFACE cxx_std_20)
set_target_properties(inlay_headers PROPERTIES EXPORT_NAME headers)

# Flags of everything that is built here, and of nothing that links it.
add_library(inlay_flags INTERFACE)
target_compile_options(inlay_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall;-Wextra;-Wpedantic;-Wshadow>
  # GCC 12 sees overlapping copies in the concatenation of std::string (its bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:MSVC>:/W4>)
if(INLAY_WERROR)
  target_compile_options(inlay_flags INTERFACE $<IF:$<CXX_COMPILER_ID:MSVC>,/WX,-Werror>)
endif()
if(INLAY_SANITIZE)
  target_compile_options(inlay_flags INTERFACE
    -fsanitize=${INLAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(inlay_flags INTERFACE -fsanitize=${INLAY_SANITIZE})
endif()

file(GLOB_RECURSE inlay_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp)
list(FILTER inlay_sources EXCLUDE REGEX "/src/cli/|/src/images/|/src/backends/cpu/isa/")
set(inlay_ops_sources ${inlay_sources})
list(FILTER inlay_ops_sources INCLUDE REGEX "/src/ops/")
list(REMOVE_ITEM inlay_sources ${inlay_ops_sources})

file(GLOB_RECURSE inlay_headers_found CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/src/*.hpp ${PROJECT_SOURCE_DIR}/include/*.hpp)
set(build_key ${PROJECT_BINARY_DIR}/generated/build_key.cpp)
add_custom_command(OUTPUT ${build_key}
  COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DOUT=${build_key}
          -P ${PROJECT_SOURCE_DIR}/cmake/build_key.cmake
  DEPENDS ${inlay_sources} ${inlay_ops_sources} ${inlay_headers_found} ${PROJECT_SOURCE_DIR}/cmake/build_key.cmake
  VERBATIM)
list(APPEND inlay_sources ${build_key})

if(INLAY_SHARED)
  add_library(inlay SHARED ${inlay_sources})
else()
  add_library(inlay STATIC ${inlay_sources})
endif()
add_library(inlay::inlay ALIAS inlay)
set_target_properties(inlay PROPERTIES
  EXPORT_NAME inlay
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)
target_compile_definitions(inlay PRIVATE INLAY_BUILDING
  PUBLIC $<$<BOOL:${INLAY_SHARED}>:INLAY_SHARED>)
target_compile_options(inlay PRIVATE
  $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-ffunction-sections;-fdata-sections>)
target_include_directories(inlay PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_include_directories(inlay SYSTEM PRIVATE
  ${INLAY_PROTOZERO_INCLUDE} ${INLAY_XSIMD_INCLUDE}
  $<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(inlay PUBLIC inlay_headers Threads::Threads PRIVATE $<BUILD_INTERFACE:inlay_flags>)
inlay_add_isa_sources(inlay)
inlay_choose_operators(inlay)

# Schemas and inference run once per model: small rather than fast.
add_library(inlay_ops OBJECT ${inlay_ops_sources})
target_compile_options(inlay_ops PRIVATE $<TARGET_PROPERTY:inlay,COMPILE_OPTIONS>)
if(NOT INLAY_SANITIZE)
  target_compile_options(inlay_ops PRIVATE
    $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-Os>)
endif()
target_compile_definitions(inlay_ops PRIVATE $<TARGET_PROPERTY:inlay,COMPILE_DEFINITIONS>)
target_include_directories(inlay_ops SYSTEM PRIVATE $<TARGET_PROPERTY:inlay,INCLUDE_DIRECTORIES>)
target_link_libraries(inlay_ops PRIVATE inlay_headers inlay_flags)
set_target_properties(inlay_ops PROPERTIES
  POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
target_sources(inlay PRIVATE $<TARGET_OBJECTS:inlay_ops>)

if(INLAY_OPENMP)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_compile_definitions(inlay PRIVATE INLAY_OPENMP)
  target_link_libraries(inlay PRIVATE OpenMP::OpenMP_CXX)
endif()
