#!/bin/sh
# Lays out the root file system of the image: the program, the shared libraries that it needs, the certificate
# authorities of the system, and the few files of /etc that the C library reads. The Dockerfile runs it in its build
# stage and scripts/packaging.sh in a folder, so that what is checked is what is shipped.
#
#   deploy/rootfs.sh BINARY FOLDER    FOLDER must be missing or empty; owners are set where root runs this
set -eu

USER_ID=65532    # also in the Dockerfile, compose.yaml and deploy/kubernetes
DATA=/var/lib/vestibule
AUTHORITIES=/etc/ssl/certs/ca-certificates.crt

die() { printf 'rootfs: %s\n' "$*" >&2; exit 1; }

# copy FILE [MODE]: to the same path below the new root, links followed.
copy() { install -D -m "${2:-644}" "$1" "$root$1"; }

# libraries FILE: what the loader would load for it, and the loader. Nothing for a static program.
libraries() {
  if ldd "$1" >/dev/null 2>&1; then
    ldd "$1" | awk '/not found/ { print "missing"; next } $2 == "=>" { print $3; next } $1 ~ /^\// { print $1 }'
  fi
}

[ $# -eq 2 ] || die "usage: $0 BINARY FOLDER"
binary=$1 root=${2%/}
[ -x "$binary" ] || die "$binary is no program"
[ -z "$(ls -A "$root" 2>/dev/null)" ] || die "$root is not empty"
[ -r "$AUTHORITIES" ] || die "$AUTHORITIES is missing (Debian: ca-certificates)"

install -d -m 755 "$root" "$root/dev" "$root/etc" "$root/proc" "$root/sys"
install -D -m 755 "$binary" "$root/usr/local/bin/vestibule"
for library in $(libraries "$binary"); do
  [ "$library" != missing ] || die "a shared library of $binary is not installed here"
  copy "$library" 755
done
copy "$AUTHORITIES"
# The licences of what is not ours.
for package in libc6 libgcc-s1 ca-certificates; do
  if [ -r "/usr/share/doc/$package/copyright" ]; then copy "/usr/share/doc/$package/copyright"; fi
done

printf 'root:x:0:0::/:/sbin/nologin\nvestibule:x:%s:%s::%s:/sbin/nologin\n' "$USER_ID" "$USER_ID" "$DATA" \
  >"$root/etc/passwd"
printf 'root:x:0:\nvestibule:x:%s:\n' "$USER_ID" >"$root/etc/group"
# Without it, names of /etc/hosts would come after those of the name server.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 644 "$root/etc/passwd" "$root/etc/group" "$root/etc/nsswitch.conf"

install -d -m 750 "$root$DATA"
if [ "$(id -u)" -eq 0 ]; then chown "$USER_ID:$USER_ID" "$root$DATA"; fi
