#include "cli/command.h"

int main(int argc, char** argv) { return pgstrata::cli::run(argc, argv); }
