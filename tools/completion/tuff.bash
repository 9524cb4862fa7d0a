# SPDX-License-Identifier: MIT
# bash completion for tuff(1)
_tuff()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}
	local image='--size --scale --mean --std --bgr'
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W 'run bench info compile devices --help --version' -- "$cur"))
		return
	fi
	case $prev in
	--device|--compare)
		COMPREPLY=($(compgen -W 'auto cpu vulkan vulkan:0 vulkan:1' -- "$cur")); return ;;
	--target)
		COMPREPLY=($(compgen -W 'cpu software-wide software-small gpu' -- "$cur")); return ;;
	--dump-after)
		COMPREPLY=($(compgen -W 'canon shape fold simplify fuse clean place layout precision all' -- "$cur")); return ;;
	--top|-n|--runs|--threads|--tolerance|--shape|--size|--scale|--mean|--std)
		return ;;
	esac
	if [[ $cur == -* ]]; then
		case $cmd in
		run) COMPREPLY=($(compgen -W "-i -o --top --device --compare --tolerance --profile --json --shape --threads --help $image" -- "$cur")) ;;
		bench) COMPREPLY=($(compgen -W "-i -n --device --json --shape --threads --help $image" -- "$cur")) ;;
		info) COMPREPLY=($(compgen -W "-i --device --json --shape --help $image" -- "$cur")) ;;
		compile) COMPREPLY=($(compgen -W '-o --target --dump-after --help' -- "$cur")) ;;
		devices) COMPREPLY=($(compgen -W '--json --help' -- "$cur")) ;;
		esac
		return
	fi
	COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _tuff tuff
