# Puts what `PROGRAM manual` prints into the place of the line COMMANDS-OF-THE-PROGRAM of PROSE.
execute_process(COMMAND ${PROGRAM} manual OUTPUT_VARIABLE COMMANDS COMMAND_ERROR_IS_FATAL ANY)
file(READ ${PROSE} page)
string(REPLACE "COMMANDS-OF-THE-PROGRAM\n" "${COMMANDS}" page "${page}")
file(WRITE ${PAGE} "${page}")
