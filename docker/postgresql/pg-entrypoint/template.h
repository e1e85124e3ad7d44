// Configuration files from templates, and how values are quoted in each kind of them.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pg_entrypoint {

using Values = std::map<std::string, std::string>;

/// `text` with each @NAME@ replaced by its value, which is not looked at again. A line that begins with `?`
/// is left out if the value of a variable in it is empty, and loses its `?` otherwise. Throws
/// std::runtime_error for a name without a value: a configuration with a hole in it must never reach the
/// server.
std::string fill_template(std::string_view text, const Values& values);

/// Between single quotes in postgresql.conf, between double quotes in pg_hba.conf and pg_ident.conf, and a
/// scalar with its quotes in YAML (whose double-quoted form is JSON's).
std::string conf_quote(std::string_view value);
std::string hba_quote(std::string_view value);
std::string yaml_quote(std::string_view value);

/// The lines that say something: neither empty nor a comment.
std::vector<std::string> effective_lines(std::string_view text);

}  // namespace pg_entrypoint
