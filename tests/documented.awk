# Looks at the public part of headers: awk -f tests/documented.awk asm_*.h. Reports each function and each member of a
# struct that has no comment of its own, before it or in its lines. A count stands for itself after the pointer that it
# counts; after a comment that says "private" the rest of a struct is.
function report(what) { print FILENAME ":" begins ": a " what " without a comment: " declaration; found = 1 }

FNR == 1 { public = 1; inside = depth = commented = 0; declaration = ""; pointer = 0 }
/^#.*ASM_[A-Z]*_IMPLEMENTATION/ && FNR > 100 { public = 0 }
!public { next }
{
    code = $0
    has = inside || code ~ /\/\*/
    if (has && code ~ /[Pp]rivate/) private = 1
    if (inside) { if (!sub(/^.*\*\//, "", code)) next; inside = 0 }
    gsub(/\/\*([^*]|\*[^\/])*\*\//, "", code)
    if (sub(/\/\*.*/, "", code)) inside = 1
    if (code ~ /^#/) next
    if (code !~ /[^ ]/) {
        # A line of comments alone belongs to what follows, an empty one separates.
        if (declaration != "") own = own || has
        else commented = has
        next
    }
    if (declaration == "" && code ~ /^(typedef )?(struct|union)( [a-z_]+)? \{ *$/) {
        depth = 1
        private = (private && commented) || code ~ / asm__/
        commented = pointer = 0
        next
    }
    if (depth && declaration == "" && code ~ /^ +(ASM__EXTENSION )?(struct|union)( [a-z_]+)? \{ *$/) {
        depth++
        if (has) private = 1 # its own comment is for all in it
        commented = 0
        next
    }
    if (depth && declaration == "" && code ~ /^ *\}/) { if (!--depth) private = 0; commented = 0; next }
    if (declaration == "") { begins = FNR; own = commented }
    own = own || has
    sub(/^ +/, "", code)
    declaration = declaration (declaration == "" ? "" : " ") code
    if (code !~ /[;{}] *$/) next
    if (declaration ~ /^ASM_API /) { if (!own) report("function") }
    else if (depth) {
        if (!own && !private && !(pointer && declaration ~ /^(size_t|int|unsigned) [a-z_]*(count|size);/)) report("member")
        pointer = own && declaration ~ /\*/
    }
    declaration = ""
    commented = 0
}
END { exit found }
