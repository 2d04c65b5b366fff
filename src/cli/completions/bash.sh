# Completions of rostersync for bash: each Tab asks the program itself.
_rostersync() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word space i last cur before all one
    # Bash also splits words at `=` and `:`. The program wants them whole, up to the cursor.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        space=${line%%[![:blank:]]*}
        line=${line#"$space"}
        if ((i == COMP_CWORD)); then word=$line; fi
        line=${line#"$word"}
        last=$((${#words[@]} - 1))
        if ((last < 0)) || [[ -n $space ]]; then words+=("$word"); else words[last]+=$word; fi
    done
    last=$((${#words[@]} - 1))
    cur=${words[last]}
    # Bash keeps the part of the word that is before its last `=` or `:`.
    before=${cur%"${cur##*[=:]}"}
    COMPREPLY=()
    all=$(_CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$last ROSTERSYNC_COMPLETE=bash \
        "${words[0]/#\~/$HOME}" -- "${words[@]}" 2>/dev/null) || return
    while IFS= read -r one; do
        [[ -n $one ]] || continue
        if [[ $one == *' '* ]]; then printf -v one '%q' "$one"; fi
        COMPREPLY+=("${one#"$before"}")
    done <<<"$all"
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=/,:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o nosort -F _rostersync rostersync 2>/dev/null ||
    complete -o bashdefault -F _rostersync rostersync
