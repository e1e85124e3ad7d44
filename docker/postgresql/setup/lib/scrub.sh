# shellcheck shell=bash
# What no layer may carry: times, hosts, random keys, copies of what was before.

scrub() {
  drop_repositories
  rm -rf /var/log/dpkg.log /var/log/alternatives.log /var/log/apt/* /var/log/bootstrap.log \
    /var/cache/ldconfig/aux-cache /var/cache/apt/*.bin /var/lib/apt/lists/* \
    /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/lib/ucf/*.[0-9] \
    /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
  scrub_unmounted "$APT_CACHE"
  scrub_password_dates
  [[ ! -s /etc/machine-id ]] || : >/etc/machine-id
}

# Removes a folder, unless it is a mount: that one belongs to the builder and outlives the step.
scrub_unmounted() {
  if [[ -d $1 ]] && ! mountpoint -q "$1"; then rm -rf "$1"; fi
}

# The third field of /etc/shadow is the day on which an account was made. New accounts get the day of root's, which is
# the base image's, so that a build of tomorrow has the same bytes.
scrub_password_dates() {
  local file=${SHADOW_FILE:-/etc/shadow} day
  day=$(awk -F : '$1 == "root" { print $3 }' "$file")
  if awk -F : -v day="$day" '$3 != day { found = 1 } END { exit !found }' "$file"; then
    sed -i -E "s/^([^:]*:[^:]*):[0-9]*:/\\1:$day:/" "$file"
  fi
}
