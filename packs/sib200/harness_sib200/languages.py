"""Languages of SIB-200: their BCP 47 codes, and FLORES-200's codes, under which their files are.

A code is the shortest that says the language and the script: ``sr`` is written in Cyrl, so it needs none, ``ar-Latn`` does.
FLORES-200 names individual languages; where CLDR has the code of the macrolanguage for one of them, it is taken
(``arb`` is ``ar``, ``zsm`` is ``ms``, ``kmr`` is ``ku``), so that scores stand beside those of other tasks.
"""

FLORES_CODES = dict(
    pair.split(":")
    for pair in """
ace-Arab:ace_Arab ace:ace_Latn acm:acm_Arab acq:acq_Arab aeb:aeb_Arab af:afr_Latn ajp:ajp_Arab ak:aka_Latn
sq:als_Latn am:amh_Ethi apc:apc_Arab ar:arb_Arab ar-Latn:arb_Latn ars:ars_Arab ary:ary_Arab arz:arz_Arab
as:asm_Beng ast:ast_Latn awa:awa_Deva ay:ayr_Latn azb:azb_Arab az:azj_Latn ba:bak_Cyrl bm:bam_Latn ban:ban_Latn
be:bel_Cyrl bem:bem_Latn bn:ben_Beng bho:bho_Deva bjn-Arab:bjn_Arab bjn:bjn_Latn bo:bod_Tibt bs:bos_Latn
bug:bug_Latn bg:bul_Cyrl ca:cat_Latn ceb:ceb_Latn cs:ces_Latn cjk:cjk_Latn ckb:ckb_Arab crh-Latn:crh_Latn
cy:cym_Latn da:dan_Latn de:deu_Latn din:dik_Latn dyu:dyu_Latn dz:dzo_Tibt el:ell_Grek en:eng_Latn eo:epo_Latn
et:est_Latn eu:eus_Latn ee:ewe_Latn fo:fao_Latn fj:fij_Latn fi:fin_Latn fon:fon_Latn fr:fra_Latn fur:fur_Latn
fuv:fuv_Latn om:gaz_Latn gd:gla_Latn ga:gle_Latn gl:glg_Latn gn:grn_Latn gu:guj_Gujr ht:hat_Latn ha:hau_Latn
he:heb_Hebr hi:hin_Deva hne:hne_Deva hr:hrv_Latn hu:hun_Latn hy:hye_Armn ig:ibo_Latn ilo:ilo_Latn id:ind_Latn
is:isl_Latn it:ita_Latn jv:jav_Latn ja:jpn_Jpan kab:kab_Latn kac:kac_Latn kam:kam_Latn kn:kan_Knda ks:kas_Arab
ks-Deva:kas_Deva ka:kat_Geor kk:kaz_Cyrl kbp:kbp_Latn kea:kea_Latn mn:khk_Cyrl km:khm_Khmr ki:kik_Latn
rw:kin_Latn ky:kir_Cyrl kmb:kmb_Latn ku:kmr_Latn kr-Arab:knc_Arab kr:knc_Latn kg:kon_Latn ko:kor_Hang
lo:lao_Laoo lij:lij_Latn li:lim_Latn ln:lin_Latn lt:lit_Latn lmo:lmo_Latn ltg:ltg_Latn lb:ltz_Latn lua:lua_Latn
lg:lug_Latn luo:luo_Latn lus:lus_Latn lv:lvs_Latn mag:mag_Deva mai:mai_Deva ml:mal_Mlym mr:mar_Deva
min-Arab:min_Arab min:min_Latn mk:mkd_Cyrl mt:mlt_Latn mni:mni_Beng mos:mos_Latn mi:mri_Latn my:mya_Mymr
nl:nld_Latn nn:nno_Latn nb:nob_Latn ne:npi_Deva nqo:nqo_Nkoo nso:nso_Latn nus:nus_Latn ny:nya_Latn oc:oci_Latn
or:ory_Orya pag:pag_Latn pa:pan_Guru pap:pap_Latn pbt:pbt_Arab fa:pes_Arab mg:plt_Latn pl:pol_Latn pt:por_Latn
prs:prs_Arab quy:quy_Latn ro:ron_Latn rn:run_Latn ru:rus_Cyrl sg:sag_Latn sa:san_Deva sat:sat_Olck scn:scn_Latn
shn:shn_Mymr si:sin_Sinh sk:slk_Latn sl:slv_Latn sm:smo_Latn sn:sna_Latn sd:snd_Arab so:som_Latn st:sot_Latn
es:spa_Latn sc:srd_Latn sr:srp_Cyrl ss:ssw_Latn su:sun_Latn sv:swe_Latn sw:swh_Latn szl:szl_Latn ta:tam_Taml
taq:taq_Latn taq-Tfng:taq_Tfng tt:tat_Cyrl te:tel_Telu tg:tgk_Cyrl tl:tgl_Latn th:tha_Thai ti:tir_Ethi
tpi:tpi_Latn tn:tsn_Latn ts:tso_Latn tk:tuk_Latn tum:tum_Latn tr:tur_Latn tw:twi_Latn tzm-Tfng:tzm_Tfng
ug:uig_Arab uk:ukr_Cyrl umb:umb_Latn ur:urd_Arab uz:uzn_Latn vec:vec_Latn vi:vie_Latn war:war_Latn wo:wol_Latn
xh:xho_Latn yi:ydd_Hebr yo:yor_Latn yue:yue_Hant zh:zho_Hans zh-Hant:zho_Hant ms:zsm_Latn zu:zul_Latn
""".split()
)
"""FLORES-200's code of each language: ``{"de": "deu_Latn", ...}``."""
