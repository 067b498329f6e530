# Writes OUTPUT: a C++ header with the contents of SOURCE as the string NAME.
file(READ "${SOURCE}" text)
file(WRITE "${OUTPUT}" "inline constexpr char ${NAME}[] = R\"tenon_text(${text})tenon_text\";\n")
