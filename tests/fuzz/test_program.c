// SPDX-License-Identifier: MIT
/*
 * Mutated program files. As they are: found damaged. With the hash made right
 * again, as a forger would: refused with a reason, or run on the CPU path
 * without touching what is not theirs. Programs for a GPU are checked, sized,
 * placed, and their weights packed. See fuzz.h for how it is steered.
 */
#include "compiler/tuffc.h"
#include "program/file.h"
#include "tests/fuzz/run.h"
#include "tests/fuzz/seeds.h"

extern int tuff_eval(void *priv, uint32_t op, const struct tuff_program *p, const struct tuff_step *s,
		     const struct tuffc_tensor *in, uint32_t nin, struct tuffc_tensor *out, uint32_t nout);

/* words of an element of section s: a nasty number, one more or less, another element's */
static void mutate_element(unsigned char *b, const struct tuff_file_head *h, unsigned int s)
{
	static const uint64_t huge[] = { UINT64_MAX, UINT64_MAX / 2, 1ull << 32, 1ull << 46, 1ull << 62 };
	uint32_t es = tuff_section_size[s];
	uint64_t n = h->section[s].count, k = n ? rnd(n > 100000 ? 100000 : (uint32_t)n) : 0;
	unsigned char *e = b + h->section[s].offset + k * es;
	uint32_t w, v, at = es >= 4 ? rnd(es / 4) * 4 : 0;

	if (!n)
		return;
	if (es < 4) {	/* strings, data */
		if (s == SEC_ATTR_DATA && k + 8 <= n && rnd(4)) {	/* a number of an attribute */
			uint64_t x = rnd(3) ? nasty() : rnd(8);

			memcpy(b + h->section[s].offset + k / 8 * 8, &x, 8);
		} else {
			*e = rnd(2) ? *e ^ 1 << rnd(8) : (unsigned char)nasty();
		}
		return;
	}
	memcpy(&w, e + at, 4);
	switch (rnd(8)) {
	case 0:
		v = nasty();
		break;
	case 1: case 2:
		v = w + (rnd(2) ? 1 : -1);
		break;
	case 3: case 4:	/* the same field of another */
		memcpy(&v, b + h->section[s].offset + rnd(n > 100000 ? 100000 : (uint32_t)n) * es + at, 4);
		break;
	case 5:
		v = rnd(16);
		break;
	case 6:
		if (at % 8 == 0 && at + 8 <= es)
			memcpy(e + at, &huge[rnd(5)], 8);
		return;
	default:
		v = w ^ 1u << rnd(32);
	}
	memcpy(e + at, &v, 4);
}

static size_t mutate(unsigned char *b, size_t n)
{
	/* what sizes, shapes and arguments are made of, more often than the rest */
	static const uint8_t often[] = { SEC_EXPRS, SEC_EXPRS, SEC_TENSORS, SEC_TENSORS, SEC_STEPS, SEC_ARGS, SEC_ATTRS, SEC_ATTR_DATA,
					 SEC_ATTR_DATA, SEC_WEIGHTS, SEC_BUFS, SEC_INPUTS, SEC_OUTPUTS, SEC_SYMS, SEC_KERNELS, SEC_STRINGS, SEC_DATA, SEC_SUBS };
	unsigned char *in = b;
	struct tuff_file_head h;

	memcpy(&h, in, sizeof(h));
	while (h.section[SEC_SUBS].count && rnd(3)) {	/* one of the programs inside */
		const struct tuff_file_sub *t = (void *)(in + h.section[SEC_SUBS].offset);

		in += h.section[SEC_IMAGES].offset + t[rnd(h.section[SEC_SUBS].count)].offset;
		memcpy(&h, in, sizeof(h));
	}
	for (uint32_t k = 1 + rnd(3); k; k--) {
		if (rnd(20)) {
			mutate_element(in, &h, often[rnd(sizeof(often))]);
		} else if (rnd(4)) {
			in[rnd(sizeof(h))] ^= 1 << rnd(8);
		} else {
			n = rnd(2) ? rnd(n) : n - 1 - rnd(n < 4096 ? n - 1 : 4095);
			break;
		}
	}
	return n;
}

/* a GPU's program: sizes, places, and weights packed into exactly what they say they take */
static void instantiate(const struct tuff_program *p)
{
	int64_t *syms = calloc(p->nsyms + 1, 8), *vals = calloc(p->nexprs + 1, 8);
	uint64_t *sizes = calloc(p->nbufs + 1, 8), *off = calloc(p->nbufs + 1, 8);
	struct tuff_weight_src src;
	struct tuff_memplan plan;
	char why[256];
	uint32_t bad;

	for (uint32_t i = 0; i < p->nsyms; i++)
		syms[i] = 3;
	if (!tuff_expr_eval(p->exprs, p->nexprs, syms, p->nsyms, vals, &bad)) {
		for (uint32_t i = 0; i < p->nbufs; i++)
			sizes[i] = vals[p->bufs[i].size] > 0 && vals[p->bufs[i].size] < 1 << 30 ? vals[p->bufs[i].size] : 64;
		tuff_memplan(p->bufs, p->nbufs, TUFF_BUF_ARENA, sizes, 64, off, &plan);
	}
	if (!tuff_weight_src_open(p, &src, why, sizeof(why))) {
		for (uint32_t i = 0; i < p->nweights; i++) {
			void *to = p->weights[i].packed_size <= 1 << 24 ? malloc(p->weights[i].packed_size + !p->weights[i].packed_size) : NULL;

			if (to)
				(void)!tuff_weight_pack(&src, i, to);
			free(to);
		}
		tuff_weight_src_close(&src);
	}
	free(syms);
	free(vals);
	free(sizes);
	free(off);
}

/* hashes made right, from the inside out; sections are where they were */
static void seal(unsigned char *b, size_t size)
{
	struct tuff_file_head *h = (void *)b;
	struct tuff_file_sub *t = (void *)(b + h->section[SEC_SUBS].offset);

	for (uint64_t i = 0; i < h->section[SEC_SUBS].count; i++) {
		uint64_t at = h->section[SEC_IMAGES].offset + t[i].offset;
		struct tuff_file_head in = { 0 };
		bool fits = t[i].offset < size && at % TUFF_FILE_PAGE == 0 && at <= size - sizeof(in);

		if (!fits)
			continue;
		memcpy(&in, b + at, sizeof(in));
		for (int k = 0; k < SEC_COUNT; k++)
			fits &= in.section[k].offset < size && in.section[k].count < size && in.section[k].offset % TUFF_FILE_PAGE == 0 &&
				at + in.section[k].offset + in.section[k].count * tuff_section_size[k] <= size;
		if (!fits)
			continue;
		seal(b + at, size - at);
		t[i].hash = ((struct tuff_file_head *)(b + at))->hash;
	}
	tuff_file_hash(b, &h->hash);
}

static bool reason(struct fuzz *f, const unsigned char *b, size_t n, bool use)
{
	struct tuff_program *p = NULL;
	char text[256] = "";
	int ret = tuff_program_parse(b, n, &p, text, sizeof(text));

	if (ret) {
		f->rejected++;
		return !p && fuzz_says(ret, text);
	}
	f->accepted++;
	if (use)
		instantiate(p);
	tuff_program_destroy(p);
	return true;
}

/* seeds as programs for a target (scripts only, where asked for); those that the compiler refuses are left out; false: a program that does not load */
static bool compile_seeds(struct seeds *s, uint32_t target, bool scripts, size_t most)
{
	const struct tuffc_options opt = { .device = { .target = target, .subgroup_size = 32, .max_invocations = 128,
						       .max_groups = { 65535, 65535, 65535 }, .max_storage_range = 128u << 20 }, .eval.run = tuff_eval };
	char path[] = "/tmp/tuff-fuzz-XXXXXX", text[256];
	size_t kept = 0, large = 0;
	bool ok = true;

	close(mkstemp(path));
	for (size_t i = 0; i < s->n; i++) {
		struct tuff_program *p = NULL;
		struct tuffc_error err;
		struct seed x = { NULL, 0 };

		if (!tuffc_compile_memory(s->s[i].b, s->s[i].size, NULL, &opt, &p, &err) &&
		    (!scripts || tuff_program_scripted(p)) && !tuff_program_write(p, path, text, sizeof(text)))
			x.b = slurp(path, &x.size);
		tuff_program_destroy(p);
		p = NULL;
		if (x.b && tuff_program_parse(x.b, x.size, &p, text, sizeof(text))) {
			printf("  seed %zu, its own program: %s\n", i, text);
			ok = false;
		}
		tuff_program_destroy(p);
		free(s->s[i].b);
		if (!x.b || !x.size || x.size > most) {
			free(x.b);
			continue;
		}
		large += i < s->large;
		s->s[kept++] = x;
	}
	unlink(path);
	s->n = kept;
	s->large = large;
	return ok;
}

static bool fuzz(const char *name, uint32_t target, bool run, bool scripts)
{
	struct seeds seeds;
	struct fuzz f;
	bool ok = true;

	seeds_open(&seeds);
	if (!compile_seeds(&seeds, target, scripts, 1 << 20) || (!scripts && seeds.n <= seeds.large)) {
		seeds_close(&seeds);
		return false;
	}
	fuzz_begin(&f, name);
	while (ok && fuzz_next(&f)) {
		const struct seed *s = seeds_pick(&seeds);
		unsigned char *b = aligned_alloc(4096, (s->size + 8191) / 4096 * 4096);
		size_t n;

		memcpy(b, s->b, s->size);
		n = mutate(b, s->size);
		if (n == s->size && !memcmp(((struct tuff_file_head *)b)->section, ((struct tuff_file_head *)s->b)->section,
					    sizeof(((struct tuff_file_head *)b)->section)) && rnd(32))
			seal(b, n);
		ok = !fuzz_input(&f, b, n) && (run ? fuzz_session(&f, f.path) : reason(&f, b, n, true));
		ok = fuzz_done(&f, !ok);
		free(b);
	}
	fuzz_end(&f);
	seeds_close(&seeds);
	return ok && (f.accepted + f.rejected < 500 || (f.rejected && f.accepted && (f.ran || !run)));
}

TEST(mutated_cpu_programs)
{
	CHECK(fuzz("program-cpu", TUFF_TARGET_CPU, true, false));
}

TEST(mutated_gpu_programs)
{
	CHECK(fuzz("program-gpu", TUFF_TARGET_GPU, false, false));
}

TEST(mutated_scripts)
{
	CHECK(fuzz("program-script", TUFF_TARGET_CPU, true, true));
}

TEST(garbage)
{
	struct tuff_program *p;
	char text[256] = "";

	CHECK_EQ(tuff_program_parse("tuff", 4, &p, text, sizeof(text)), -EINVAL);
	CHECK(strstr(text, "not a tuff program"));
	CHECK_EQ(tuff_program_load("/nonexistent.tuff", &p, text, sizeof(text)), -ENOENT);
	CHECK(*text);
}
