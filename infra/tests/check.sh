#!/usr/bin/env bash
# Checks everything in infra/ that needs no AWS account: format, validity, `terraform test` with a mocked provider and,
# where a package is given, a whole life cycle against a local moto server.
# Use: check.sh [--package ZIP | --stand-in]
# Reads TF_CLI_CONFIG_FILE, and PYTHON (default python3), which needs tests/requirements.txt for --package and --stand-in.
set -euo pipefail

infra=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

package=()
case "${1-}" in
  "") ;;
  --stand-in) package=(--stand-in) ;;
  --package)
    [ -f "${2-}" ] || { echo "check.sh: --package needs the path of a zip made by \`amaas package sentiment\`" >&2; exit 2; }
    package=(--package "$(realpath "$2")")
    ;;
  *) echo "check.sh: unknown argument $1; use: check.sh [--package ZIP | --stand-in]" >&2; exit 2 ;;
esac

if ! command -v terraform >/dev/null; then
  echo "check.sh: skipped: terraform is not installed"
  exit 0
fi

# Terraform writes beside the code; a copy keeps the source tree, and a caller's own state, as they are.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$infra" --exclude=.terraform --exclude=.terraform.lock.hcl --exclude='*.tfstate*' --exclude=.venv -cf - . | tar -C "$work" -xf -

terraform -chdir="$work" fmt -check -recursive -diff

for folder in . modules/registry modules/ledger modules/function examples/minimal; do
  echo "== $folder"
  terraform -chdir="$work/$folder" init -backend=false -input=false -no-color >/dev/null
  terraform -chdir="$work/$folder" validate -no-color
  if compgen -G "$work/$folder/tests/*.tftest.hcl" >/dev/null; then
    timeout 300 terraform -chdir="$work/$folder" test -no-color
  fi
done

if [ "${#package[@]}" -gt 0 ]; then
  echo "== apply"
  "${PYTHON:-python3}" "$infra/tests/apply.py" "${package[@]}" --invoke
fi
echo "check.sh: ok"
