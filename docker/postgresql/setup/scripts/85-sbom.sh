# shellcheck shell=bash
# What the image is made of, as SPDX 2.3: every package of dpkg with its version and source, and PID 1.

sbom=/usr/share/sbom/postgresql.spdx.json

sbom_packages() {
  dpkg-query --show --showformat='${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' |
    LC_ALL=C sort | awk -F '\t' -v distribution="$1" '{
      name = $1; sub(/:.*/, "", name)
      id = $1; gsub(/[^A-Za-z0-9.-]/, "-", id)
      version = $2; gsub(/\+/, "%2B", version); gsub(/:/, "%3A", version)
      url = name; gsub(/\+/, "%2B", url)
      vendor = "debian"; organization = "Debian"
      if ($2 ~ /pgdg/) { vendor = "pgdg"; organization = "PostgreSQL Global Development Group" }
      if (name ~ /-citus-/) { vendor = "citusdata"; organization = "Citus Data" }
      if (name ~ /^percona-/) { vendor = "percona"; organization = "Percona" }
      printf ",\n    {\"SPDXID\": \"SPDXRef-%s\", \"name\": \"%s\", \"versionInfo\": \"%s\", \"supplier\": \"Organization: %s\",", id, name, $2, organization
      printf " \"downloadLocation\": \"NOASSERTION\", \"filesAnalyzed\": false, \"sourceInfo\": \"built from %s %s\",", $4, $5
      printf " \"externalRefs\": [{\"referenceCategory\": \"PACKAGE-MANAGER\", \"referenceType\": \"purl\","
      printf " \"referenceLocator\": \"pkg:deb/%s/%s@%s?arch=%s&distro=%s\"}]}", vendor, url, version, $3, distribution
    }'
}

sbom_relations() {
  dpkg-query --show --showformat='${binary:Package}\n' | LC_ALL=C sort | awk '{
    gsub(/[^A-Za-z0-9.-]/, "-")
    printf ",\n    {\"spdxElementId\": \"SPDXRef-image\", \"relationshipType\": \"CONTAINS\", \"relatedSpdxElement\": \"SPDXRef-%s\"}", $0
  }'
}

write_sbom() {
  local suite digest created
  # shellcheck source=/dev/null
  suite=$(source /etc/os-release && echo "$ID-$VERSION_ID")
  digest=$(dpkg-query --show | LC_ALL=C sort | sha256sum | cut -c 1-32)
  # Not the time of this build: the same packages give the same bytes.
  created=$(date --utc --reference=/usr/lib/os-release +%Y-%m-%dT%H:%M:%SZ)
  mkdir -p "${sbom%/*}"
  {
    printf '{\n  "spdxVersion": "SPDX-2.3",\n  "dataLicense": "CC0-1.0",\n  "SPDXID": "SPDXRef-DOCUMENT",\n'
    printf '  "name": "postgresql-%s",\n  "documentNamespace": "https://spdx.org/spdxdocs/postgresql-%s-%s",\n' \
      "$VERSION_SET" "$VERSION_SET" "$digest"
    printf '  "creationInfo": {"created": "%s", "creators": ["Tool: setup/scripts/85-sbom.sh"]},\n' "$created"
    printf '  "packages": [\n    {"SPDXID": "SPDXRef-image", "name": "postgresql", "versionInfo": "%s",' "$VERSION_SET"
    printf ' "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "primaryPackagePurpose": "CONTAINER"},\n'
    printf '    {"SPDXID": "SPDXRef-pg-entrypoint", "name": "pg-entrypoint", "downloadLocation": "NOASSERTION",'
    printf ' "filesAnalyzed": false, "licenseDeclared": "Apache-2.0"}'
    sbom_packages "$suite"
    printf '\n  ],\n  "relationships": [\n'
    printf '    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-image"},\n'
    printf '    {"spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-pg-entrypoint"}'
    sbom_relations
    printf '\n  ]\n}\n'
  } >"$sbom"
}

write_sbom
