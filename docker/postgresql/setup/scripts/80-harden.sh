# shellcheck shell=bash
# No file of the image lends its owner's rights: the server's user needs none of them. An upgrade of the packages in a
# derived image keeps it so. What is copied from the context is left out: this step would otherwise depend on its names.

while IFS=: read -r mode owner group file; do
  dpkg-statoverride --quiet --force-statoverride-add --update \
    --add "$owner" "$group" "$(printf '%04o' "$((8#$mode & 0777))")" "$file"
done < <(find / -xdev -path /opt/container -prune -o -type f -perm /6000 -printf '%m:%u:%g:%p\n' | sort)

# One walk through all files serves both; the next one finds them in the kernel's memory.
lending=$(find / -xdev -path /opt/container -prune -o -type f -perm /6000 -print)
[[ -z $lending ]] || fail "these files lend their owner's rights (setuid, setgid): $lending"
foreign=$(find / -xdev -path /opt/container -prune -o \( -nouser -o -nogroup \) -print -quit)
[[ -z $foreign ]] || fail "$foreign belongs to nobody that the image knows"
