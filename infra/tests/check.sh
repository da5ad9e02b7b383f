#!/usr/bin/env bash
# Checks infra/ without an AWS account: format, validity and `terraform test` with a mocked provider of the root, each module and each example.
# If checkov is installed, it scans the code. With a package, `minimal` and `complete` run through their life cycles on a local moto server, beside
# the other checks. With the program, the costs in the READMEs are checked. If npm can fetch it, the schema of AWS provider 6 is compared with the code.
# Use: check.sh [--package ZIP --amaas PROGRAM | --stand-in]
# Reads TF_CLI_CONFIG_FILE; PYTHON (default python3), which needs tests/requirements.txt for the schema, --package and --stand-in; and CHECKOV
# (default checkov), which is installed with tests/checkov/requirements.txt.
set -euo pipefail

infra=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
usage="use: check.sh [--package ZIP --amaas PROGRAM | --stand-in]"

apply=()
amaas=
while [ $# -gt 0 ]; do
  case "$1" in
    --stand-in) apply=(--stand-in) && shift ;;
    --package | --amaas)
      [ -f "${2-}" ] || { echo "check.sh: $1 needs the path of a file; $usage" >&2; exit 2; }
      apply+=("$1" "$(realpath "$2")")
      if [ "$1" = --amaas ]; then amaas=$(realpath "$2"); fi
      shift 2
      ;;
    *) echo "check.sh: unknown argument $1; $usage" >&2; exit 2 ;;
  esac
done

if ! command -v terraform >/dev/null; then
  echo "check.sh: skipped: terraform is not installed"
  exit 0
fi

# Terraform writes beside the code, so the checks run in a copy of the source tree.
work=$(mktemp -d)
beside=()
trap 'kill "${beside[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
mkdir "$work/infra"
tar -C "$infra" --exclude=.terraform --exclude=.terraform.lock.hcl --exclude='*.tfstate*' --exclude=.venv -cf - . | tar -C "$work/infra" -xf -
cd "$work/infra"

echo "== format"
terraform fmt -check -recursive -diff

# An apply mostly waits a minute for S3's lifecycle rules, so the other checks run meanwhile.
names=()
if [ "${#apply[@]}" -gt 0 ]; then
  for example in minimal complete; do
    "${PYTHON:-python3}" -u "$infra/tests/apply.py" "$example" "${apply[@]}" >"$work/apply $example.log" 2>&1 &
    beside+=($!) names+=("apply $example")
  done
fi
if [ -n "$amaas" ]; then
  "${PYTHON:-python3}" -u "$infra/tests/figures.py" --amaas "$amaas" >"$work/figures in READMEs.log" 2>&1 &
  beside+=($!) names+=("figures in READMEs")
fi

echo "== schema of AWS provider 6, source and documents"
if "${PYTHON:-python3}" -c 'import botocore, hcl2' 2>/dev/null; then
  "${PYTHON:-python3}" "$infra/tests/schema.py" .
  for test in schema source rights edge; do "${PYTHON:-python3}" "$infra/tests/test_$test.py" 2>&1; done
else
  echo "skipped: tests/requirements.txt is not installed"
fi

# Each test validates the code before it plans. A warning is usually a deprecated attribute, so it fails.
tested() {
  local said
  terraform -chdir="$1" init -backend=false -input=false -no-color >/dev/null || return 255 # ends xargs
  said=$(timeout 600 terraform -chdir="$1" test -no-color) || { printf '== %s\n%s\n' "$1" "$said"; return 255; }
  printf '== %s\n%s\n' "$1" "$(grep -v '\.\.\. pass$' <<<"$said")"
  ! grep -q 'Warning:' <<<"$said" || return 255
}
export -f tested
# The longest first, to balance the two processes.
printf '%s\n' modules/function . modules/gpu examples/* examples/multi-env/state modules/* | awk '!seen[$0]++' |
  xargs -P 2 -I{} bash -c 'tested {}'

echo "== checkov"
if command -v "${CHECKOV:-checkov}" >/dev/null; then
  # Findings are fixed, or skipped beside the resource with a reason.
  find . -name .terraform -prune -exec rm -rf {} +
  scanned=$("${CHECKOV:-checkov}" --directory . --skip-path tests/ --framework terraform --skip-download --quiet --compact) || { echo "$scanned"; exit 1; }
  echo "$scanned"
  # It exits with 0 even if it cannot parse a file.
  if grep -q 'Parsing errors: [1-9]' <<<"$scanned"; then exit 1; fi
else
  echo "skipped: checkov is not installed"
fi

for index in "${!beside[@]}"; do
  echo "== ${names[$index]}"
  wait "${beside[$index]}" && code=0 || code=$?
  cat "$work/${names[$index]}.log"
  [ "$code" -eq 0 ] || exit 1
done
echo "check.sh: ok"
