# Installed by make: find_package(asm-session), then target_link_libraries(program PRIVATE asm-session::asm-session).
if(NOT TARGET asm-session::asm-session)
  add_library(asm-session::asm-session INTERFACE IMPORTED)
  get_filename_component(asm_session_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  set_target_properties(asm-session::asm-session PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${asm_session_prefix}/include")
  unset(asm_session_prefix)
endif()
