# SPDX-License-Identifier: MIT
# bash completion for tuff(1)
_tuff()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}
	local inputs='-i --input --shape --seed --size --fit --scale --mean --std --imagenet --bgr --layout --threads --device --json --help'
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W 'run bench info compile devices help --help --version' -- "$cur"))
		return
	fi
	# readline splits words at ':' and '='
	if [ "$cur" = : ] || [ "$prev" = : ]; then
		[ "$cur" = : ] && cur=
		COMPREPLY=($(compgen -W '0 1 2 3' -- "$cur"))
		return
	fi
	case $prev in
	--device|--compare)
		COMPREPLY=($(compgen -W 'auto cpu vulkan vulkan:' -- "$cur")); return ;;
	--target)
		COMPREPLY=($(compgen -W 'cpu software-wide software-small gpu' -- "$cur")); return ;;
	--dump-after)
		COMPREPLY=($(compgen -W 'all canon shape fold simplify match fuse fuse_ew clean split place layout precision' -- "$cur")); return ;;
	--fit)
		COMPREPLY=($(compgen -W 'stretch crop pad' -- "$cur")); return ;;
	--layout)
		COMPREPLY=($(compgen -W 'nchw nhwc' -- "$cur")); return ;;
	--top|-n|--runs|--threads|--tolerance|--shape|--seed|--size|--scale|--mean|--std)
		return ;;
	esac
	if [[ $cur == -* ]]; then
		case $cmd in
		run) COMPREPLY=($(compgen -W "$inputs -o --output --top --labels --compare --tolerance --profile" -- "$cur")) ;;
		bench) COMPREPLY=($(compgen -W "$inputs -n --runs" -- "$cur")) ;;
		info) COMPREPLY=($(compgen -W "$inputs" -- "$cur")) ;;
		compile) COMPREPLY=($(compgen -W '-o --output --target --dump-after --help' -- "$cur")) ;;
		devices) COMPREPLY=($(compgen -W '--json --help' -- "$cur")) ;;
		esac
		return
	fi
	[ "$cmd" = help ] && COMPREPLY=($(compgen -W 'run bench info compile devices' -- "$cur")) || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _tuff tuff
