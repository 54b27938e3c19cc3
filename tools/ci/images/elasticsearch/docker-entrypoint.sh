#!/usr/bin/env bash
# Does what compose relies on in the official image: settings and the first password come from the environment.
set -euo pipefail
umask 0002
if [ "${1:-}" != eswrapper ]; then exec "$@"; fi

settings=()
while IFS='=' read -r -d '' name value; do
  if [[ $name =~ ^[a-z0-9_]+\.[a-z0-9_]+ && -n $value ]]; then settings+=("-E$name=$value"); fi
done < <(env --null)

if [ -n "${ELASTIC_PASSWORD_FILE:-}" ]; then
  mode=$(stat --dereference --format %a "$ELASTIC_PASSWORD_FILE")
  case $mode in
  400 | 600) ;;
  *)
    echo "ERROR: $ELASTIC_PASSWORD_FILE must have the mode 400 or 600, and has $mode" >&2
    exit 1
    ;;
  esac
  ELASTIC_PASSWORD=$(cat "$ELASTIC_PASSWORD_FILE")
fi
if [ -n "${ELASTIC_PASSWORD:-}" ]; then
  [ -f config/elasticsearch.keystore ] || elasticsearch-keystore create
  if ! elasticsearch-keystore list | grep -qx bootstrap.password; then
    elasticsearch-keystore add --stdin bootstrap.password <<<"$ELASTIC_PASSWORD"
  fi
fi
unset ELASTIC_PASSWORD ELASTIC_PASSWORD_FILE
exec elasticsearch "${settings[@]}"
