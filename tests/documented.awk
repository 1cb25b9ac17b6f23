# Looks at the public part of headers: awk -f tests/documented.awk asm_*.h. Reports each function, type, constant and member
# of a struct that has no comment of its own, before it or in its lines. Constants and types that stand together, without
# an empty line, may share one, and what an enum has is told by the enum's. After "private, all" nothing more is asked of a
# struct, and nothing of one whose own comment says that it is private.
function report(what, of) { print FILENAME ":" begins ": a " what " without a comment: " of; found = 1 }

FNR == 1 { public = inside = depth = commented = 0; declaration = "" }
/^#define ASM_[A-Z]*_H$/ { public = 1; next }
/^#endif \/\* ASM_[A-Z]*_H \*\// { public = 0 }
!public { next }
{
    code = $0
    has = inside || code ~ /\/\*/
    if (has && code ~ /private, all/) private = 1
    if (has && !depth && code ~ /^\/\* Private/) private = 1
    if (inside) { if (!sub(/^.*\*\//, "", code)) next; inside = 0 }
    else trails = 0
    gsub(/\/\*([^*]|\*[^\/])*\*\//, "", code)
    if (sub(/\/\*.*/, "", code)) { inside = 1; trails = code ~ /[^ ]/ } # belongs to what stands before it
    if (/\\$/ || continues) { # of a macro, whose first line tells
        if (!continues && code ~ /^#define ASM_[A-Z]/ && !has && !commented) { begins = FNR; report("constant", code) }
        continues = /\\$/
        next
    }
    if (code ~ /^# *define ASM_[A-Z]/ && code !~ /^# *define ASM_(API|REALLOC|FREE) *[( ]/) {
        if (!has && !commented) { begins = FNR; report("constant", code) }
        commented = 1 # also for those below it
        next
    }
    if (code ~ /^#|^ASM__WARNINGS_(OFF|BACK)$/) next
    if (code !~ /[^ ]/) {
        # A line of comments alone belongs to what follows, an empty one separates.
        if (declaration != "") own = own || has
        else commented = has && !trails
        next
    }
    if (declaration == "" && code ~ /^(typedef )?(struct|union|enum)( [a-z0-9_]+)? \{/) {
        private = private || code ~ / asm__/
        if (!has && !commented && !private) { begins = FNR; report("type", code) }
        is_enum = code ~ /^(typedef )?enum/
        if (code !~ /\}/) depth = 1
        else private = 0
        commented = code ~ /\}/
        next
    }
    if (depth && declaration == "" && code ~ /^ +(ASM__EXTENSION )?(struct|union)( [a-z_]+)? \{ *$/) {
        depth++
        if (has && !private) { private = depth } # its own comment is for all in it
        commented = 0
        next
    }
    if (depth && declaration == "" && code ~ /^ *\}/) {
        if (private == depth && depth > 1) private = 0
        if (!--depth) private = 0
        commented = !depth # types that stand together
        next
    }
    if (is_enum && depth) next
    if (declaration == "") { begins = FNR; own = commented }
    own = own || has
    sub(/^ +/, "", code)
    declaration = declaration (declaration == "" ? "" : " ") code
    if (code !~ /[;{}] *$/) next
    if (declaration ~ /^ASM_API /) { if (!own) report("function", declaration) }
    else if (!depth && declaration ~ /^typedef .*;/ && declaration !~ /^typedef (struct|union) asm_[a-z_]* asm_[a-z_]*;/) {
        if (!own) report("type", declaration)
    }
    else if (depth && !own && !private) report("member", declaration)
    declaration = ""
    commented = 0
}
END { exit found }
