"""Languages of Belebele: their BCP 47 codes, and FLORES-200's codes, under which their files are.

The shortest code that says the language and the script, with the code of a macrolanguage where CLDR takes that one: the
codes of the pack for SIB-200.
"""

FLORES_CODES = dict(
    pair.split(":")
    for pair in """
acm:acm_Arab af:afr_Latn sq:als_Latn am:amh_Ethi apc:apc_Arab ar:arb_Arab ar-Latn:arb_Latn ars:ars_Arab
ary:ary_Arab arz:arz_Arab as:asm_Beng az:azj_Latn bm:bam_Latn bn:ben_Beng bn-Latn:ben_Latn bo:bod_Tibt
bg:bul_Cyrl ca:cat_Latn ceb:ceb_Latn cs:ces_Latn ckb:ckb_Arab da:dan_Latn de:deu_Latn el:ell_Grek en:eng_Latn
et:est_Latn eu:eus_Latn fi:fin_Latn fr:fra_Latn fuv:fuv_Latn om:gaz_Latn gn:grn_Latn gu:guj_Gujr ht:hat_Latn
ha:hau_Latn he:heb_Hebr hi:hin_Deva hi-Latn:hin_Latn hr:hrv_Latn hu:hun_Latn hy:hye_Armn ig:ibo_Latn
ilo:ilo_Latn id:ind_Latn is:isl_Latn it:ita_Latn jv:jav_Latn ja:jpn_Jpan kac:kac_Latn kn:kan_Knda ka:kat_Geor
kk:kaz_Cyrl kea:kea_Latn mn:khk_Cyrl km:khm_Khmr rw:kin_Latn ky:kir_Cyrl ko:kor_Hang lo:lao_Laoo ln:lin_Latn
lt:lit_Latn lg:lug_Latn luo:luo_Latn lv:lvs_Latn ml:mal_Mlym mr:mar_Deva mk:mkd_Cyrl mt:mlt_Latn mi:mri_Latn
my:mya_Mymr nl:nld_Latn nb:nob_Latn ne:npi_Deva ne-Latn:npi_Latn nso:nso_Latn ny:nya_Latn or:ory_Orya
pa:pan_Guru pbt:pbt_Arab fa:pes_Arab mg:plt_Latn pl:pol_Latn pt:por_Latn ro:ron_Latn ru:rus_Cyrl shn:shn_Mymr
si-Latn:sin_Latn si:sin_Sinh sk:slk_Latn sl:slv_Latn sn:sna_Latn sd:snd_Arab so:som_Latn st:sot_Latn es:spa_Latn
sr:srp_Cyrl ss:ssw_Latn su:sun_Latn sv:swe_Latn sw:swh_Latn ta:tam_Taml te:tel_Telu tg:tgk_Cyrl tl:tgl_Latn
th:tha_Thai ti:tir_Ethi tn:tsn_Latn ts:tso_Latn tr:tur_Latn uk:ukr_Cyrl ur:urd_Arab ur-Latn:urd_Latn uz:uzn_Latn
vi:vie_Latn war:war_Latn wo:wol_Latn xh:xho_Latn yo:yor_Latn zh:zho_Hans zh-Hant:zho_Hant ms:zsm_Latn
zu:zul_Latn
""".split()
)
"""FLORES-200's code of each language: ``{"de": "deu_Latn", ...}``."""
