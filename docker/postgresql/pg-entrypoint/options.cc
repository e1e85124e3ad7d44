#include "options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>

#include "secret.h"

namespace pg_entrypoint {
namespace {

/// Reads variables one by one and collects what is wrong with them.
class Reader {
 public:
  Reader(const Environment& environment, LoadedOptions& result)
      : environment_(environment), result_(result) {}

  void error(std::string text) { result_.errors.push_back(std::move(text)); }
  void warn(std::string text) { result_.warnings.push_back(std::move(text)); }

  std::string text(const std::string& name, const std::string& fallback) {
    return checked(name, environment_.get(name).value_or(fallback));
  }

  std::string text_or_file(const std::string& name, const std::string& fallback) {
    return checked(name, value_or_file(environment_, name, result_.errors).value_or(fallback));
  }

  std::string absolute_path(const std::string& name, const std::string& fallback) {
    std::string path = text(name, fallback);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (!path.starts_with('/') || path == "/")
      error(wrong(name, path) + "it has to be an absolute path, not /");
    return path;
  }

  bool boolean(const std::string& name, bool fallback) {
    std::string word = text(name, fallback ? "true" : "false");
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (word == "true" || word == "on" || word == "yes" || word == "1") return true;
    if (word == "false" || word == "off" || word == "no" || word == "0") return false;
    error(wrong(name, word) + "use true or false");
    return fallback;
  }

  int number(const std::string& name, int fallback, int least, int most) {
    const std::string digits = text(name, std::to_string(fallback));
    int value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc{} || end != digits.data() + digits.size() || value < least || value > most) {
      error(wrong(name, digits) + "use a whole number from " + std::to_string(least) + " to " +
            std::to_string(most));
      return fallback;
    }
    return value;
  }

  /// An amount as postgresql.conf has it: 128MB, 1GB, 16384 (in 8 kB pages or kB, as PostgreSQL reads it).
  std::string memory(const std::string& name, const std::string& fallback) {
    std::string value = text(name, fallback);
    const auto digits = std::min(value.find_first_not_of("0123456789"), value.size());
    const std::string unit = value.substr(digits);
    static constexpr std::array<std::string_view, 6> units{"", "B", "kB", "MB", "GB", "TB"};
    const bool known_unit = std::find(units.begin(), units.end(), unit) != units.end();
    if (digits == 0 || digits > 10 || value.front() == '0' || !known_unit) {
      error(wrong(name, value) + "use an amount such as 128MB or 1GB");
    }
    return value;
  }

 private:
  static std::string wrong(const std::string& name, const std::string& value) {
    return name + "='" + value + "' can't be used; ";
  }

  /// A line break or another control character would end up in a configuration file.
  std::string checked(const std::string& name, std::string value) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value.begin(), value.end(), is_control)) {
      error(name + " holds a line break or another control character; give it on one line");
      value.clear();
    }
    return value;
  }

  const Environment& environment_;
  LoadedOptions& result_;
};

std::string auth_method(Reader& read, const Environment& environment) {
  static constexpr std::array<std::string_view, 4> known{"scram-sha-256", "md5", "trust", "reject"};
  const auto official = environment.get("POSTGRES_HOST_AUTH_METHOD");
  const auto own = environment.get("EXTERNAL_ACCESS_METHOD");
  const std::string name = official ? "POSTGRES_HOST_AUTH_METHOD" : "EXTERNAL_ACCESS_METHOD";
  if (official && own && *official != *own) {
    read.error("POSTGRES_HOST_AUTH_METHOD='" + *official + "' and EXTERNAL_ACCESS_METHOD='" + *own +
               "' contradict each other; keep one of them");
  }
  std::string method = read.text(name, "scram-sha-256");
  if (std::find(known.begin(), known.end(), method) == known.end()) {
    read.error(name + "='" + method + "' can't be used; use scram-sha-256, md5, trust or reject");
  }
  if (method == "md5") {
    read.warn(name +
              "=md5 is outdated: passwords are stored for scram-sha-256 all the same, and clients older "
              "than PostgreSQL 10 can't log in; use scram-sha-256");
  }
  if (method == "trust") {
    read.warn(name + "=trust lets everybody who reaches the port log in as any role, without a password");
  }
  return method;
}

Environment for_scripts(Environment environment, const Options& options) {
  environment = without_secrets(std::move(environment));
  environment.set("PGDATA", options.pgdata);
  environment.set("PGCONFIG", options.pgconfig);
  environment.set("CONTAINER_HOME", options.home);
  environment.set("PGHOST", options.socket_dir);
  environment.set("EXTERNAL_ACCESS_METHOD", options.auth_method);
  environment.erase("POSTGRES_HOST_AUTH_METHOD");
  return environment;
}

}  // namespace

LoadedOptions load_options(const Environment& environment) {
  LoadedOptions result;
  Options& options = result.options;
  Reader read(environment, result);

  options.pgdata = read.absolute_path("PGDATA", "/usr/local/pgsql/data");
  options.pgconfig = read.absolute_path("PGCONFIG", "/usr/local/pgsql/config");
  options.home = read.absolute_path("CONTAINER_HOME", "/opt/container");
  options.socket_dir = socket_dir(environment);
  if (options.pgdata == options.pgconfig || options.pgconfig.starts_with(options.pgdata + "/")) {
    read.error("PGCONFIG='" + options.pgconfig +
               "' lies in PGDATA; configuration and data need separate folders");
  }
  const std::string level = read.text("LOG_LEVEL", "INFO");
  if (const auto parsed = parse_level(level))
    options.log_level = *parsed;
  else
    read.error("LOG_LEVEL='" + level + "' can't be used; use DEBUG, INFO, WARNING or ERROR");
  options.sleep_mode = read.boolean("SLEEP_MODE", false);
  options.timeout = std::chrono::seconds(read.number("TIMEOUT", 30, 1, 86'400));
  options.auth_method = auth_method(read, environment);
  options.password = value_or_file(environment, "POSTGRES_PASSWORD", result.errors);
  if (options.password && options.password->find('\n') != std::string::npos) {
    read.error("POSTGRES_PASSWORD holds a line break; give it on one line");
  }

  options.scripts = for_scripts(environment, options);
  const auto pass = [&options](const std::string& name, std::string value) {
    options.scripts.set(name, std::move(value));
  };
  const std::string user = read.text_or_file("POSTGRES_USER", "postgres");
  pass("POSTGRES_USER", user);
  pass("POSTGRES_DB", read.text_or_file("POSTGRES_DB", user));
  pass("POSTGRES_INITDB_ARGS", read.text_or_file("POSTGRES_INITDB_ARGS", ""));
  pass("LOG_LEVEL", level);
  const bool external = read.boolean("EXTERNAL_ACCESS_ENABLE", true);
  pass("EXTERNAL_ACCESS_ENABLE", external ? "true" : "false");
  pass("POSTGRESQL_LISTEN_ADDRESSES",
       read.text("POSTGRESQL_LISTEN_ADDRESSES", external ? "*" : "localhost"));
  pass("POSTGRESQL_SHARED_BUFFERS", read.memory("POSTGRESQL_SHARED_BUFFERS", "128MB"));
  pass("POSTGRESQL_WORK_MEM", read.memory("POSTGRESQL_WORK_MEM", "4MB"));
  pass("POSTGRESQL_MAX_CONNECTIONS",
       std::to_string(read.number("POSTGRESQL_MAX_CONNECTIONS", 100, 1, 262'143)));
  return result;
}

std::string socket_dir(const Environment& environment) {
  const std::string host = environment.get("PGHOST").value_or("");
  return host.starts_with('/') ? host : "/run/postgresql";
}

Environment without_secrets(Environment environment) {
  for (const char* name : {"POSTGRES_PASSWORD", "PGPASSWORD"}) {
    environment.erase(name);
    environment.erase(std::string(name) + "_FILE");
  }
  for (const char* name : {"POSTGRES_USER_FILE", "POSTGRES_DB_FILE", "POSTGRES_INITDB_ARGS_FILE"}) {
    environment.erase(name);
  }
  return environment;
}

}  // namespace pg_entrypoint
