"""Phrases that only pages without an article use in that place: whole titles, and beginnings of lines.

Lists of regular expressions, one language per line where there are several. Case is ignored. A title is matched as a
whole or between its separators, a line from its beginning.
"""

import re
from collections.abc import Iterable

_YOU_ARE = r"(?:you are|you're|you’re)"
_READING = r"(?:(?:continue|keep|finish|resume) reading|read (?:the )?(?:full|rest|whole|entire))"
"""Not "read more", which is on many complete pages."""

_THIS = r"(?: (?:of )?(?:this|the|our) (?:article|post|story|essay))?"


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I)


CHECK_TITLES = _any((
    r"just a moment\W*", r"attention required! \| cloudflare", r"please wait\W*(?:\| cloudflare)?",
    r"one moment, please\W*", r"one more step\W*", r"access (?:to this page has been )?denied\W*", r"403 forbidden",
    r"(?:sorry, )?you have been blocked\W*", r"request rejected", r"pardon our interruption\W*", r"robot or human\W*",
    r"(?:are you|you are) (?:a |not a )?(?:human|robot)\W*", r"(?:robot|browser) check", r"captcha",
    r"client challenge",
    r"(?:human|bot|captcha|security) (?:verification|check|challenge)", r"vercel security checkpoint", r"ddos-guard",
    r"(?:checking|verifying) your (?:browser|connection)\W*", r"verify(?:ing)? (?:that )?you are (?:a )?human\W*",
    r"making sure you(?:'|’)re not a bot\W*", r"sucuri website firewall.*", r"incapsula incident.*",
    r"(?:nur )?einen moment\W*", r"sicherheitsüberprüfung", r"zugriff verweigert",
    r"un instant\W*", r"accès refusé",
    r"un momento\W*", r"um momento\W*", r"acceso denegado", r"acesso negado", r"accesso negato",
    r"een ogenblik geduld\W*", r"bir dakika lütfen\W*",
    r"один момент\W*", r"подождите\W*", r"доступ (?:запрещ[её]н|ограничен)",
    r"请稍候\W*", r"請稍候\W*", r"验证码", r"安全验证", r"人机验证", r"滑动验证页面",
    r"しばらくお待ちください\W*", r"アクセスが拒否されました",
    r"잠시만 기다리(?:십시오|세요)\W*",
    r"لحظة(?: من فضلك)?\W*", r"רק רגע\W*", r"لطفا صبر کنید\W*",
))  # fmt: skip
"""Titles of bot checks."""

CHECK_LINES = _any((
    rf"(?:please )?(?:verify(?:ing)?|confirm|prove|checking (?:if|that))(?: that)? {_YOU_ARE} (?:a |not a )?"
    r"(?:human|robot)",
    rf"(?:let's|we need to) (?:confirm|verify|make sure)(?: that)? {_YOU_ARE} (?:a |not a )?(?:human|robot|bot)",
    r"(?:checking|verifying) (?:if the site connection|your (?:browser|connection))\b",
    r"(?:please )?(?:enable|turn on) (?:javascript and cookies|cookies and javascript|js and disable any ad ?blocker)",
    r"press (?:&|and) hold\b", r"this (?:process|check) is automatic",
    r"(?:our|my) systems have detected unusual traffic", r"we(?:'ve| have) detected (?:unusual|suspicious)",
    r"something about your browser made us", r"request unsuccessful\. incapsula",
    r"you don't have permission to access\b", r"the requested url was rejected\b",
    r"access (?:to this page )?(?:has been |is )?denied\W*$", r"access to this page has been denied because",
    r"(?:please )?(?:complete|solve|pass) the (?:captcha|security check)", r"(?:sorry, )?you have been blocked\W*$",
    r"\S+ needs to review the security of your connection",
    r"(?:bestätigen sie|wir prüfen), (?:dass|ob) sie ein mensch",
    r"vérifi(?:ez|er|cation) que vous êtes (?:un (?:être )?)?humain",
    r"verifi(?:que|car|ca) (?:que|se) (?:es|é|usted es|você é) (?:un |um )?(?:ser )?human[oa]",
    r"подтвердите, что вы (?:не робот|человек)", r"проверка(?:,)? что вы (?:не робот|человек)",
    r"(?:正在验证|请?确认|请完成|請完成)\S{0,6}(?:真人|人类|安全验证|安全驗證)",
    r"(?:あなたが)?人間であることを", r"사람인지 확인",
    r"(?:تحقق|التحقق) من أنك (?:إنسان|بشر)", r"(?:ודא|אמת) שאתה אנושי",
))  # fmt: skip
"""Lines of bot checks."""

SCRIPT_LINES = _any((
    r"(?:you need to|please) (?:enable|turn on) javascript", r"javascript is (?:disabled|required)",
    r"enable javascript",
    r"we're sorry but .{1,60} (?:doesn't|does not) work properly without javascript",
    r"this (?:app|site|page|website) (?:requires|needs) javascript",
    r"bitte (?:aktivieren sie )?javascript", r"veuillez activer javascript",
))  # fmt: skip
"""Lines of pages whose text is filled in only by scripts."""

LOGIN_TITLES = _any((
    r"(?:please )?(?:sign|log)[ -]?in(?: (?:to|with|or)\b.{0,40})?", r"sign ?up", r"create (?:an|your) account",
    r"authwall", r"join linkedin", r"authentication required", r"anmelden", r"anmeldung", r"einloggen",
    r"se connecter", r"connexion", r"iniciar sesión", r"acceder", r"accedi", r"entrar", r"inloggen", r"zaloguj się",
    r"войти", r"вход", r"登录", r"登入", r"ログイン", r"로그인", r"تسجيل الدخول", r"כניסה", r"התחברות", r"ورود",
))  # fmt: skip

LOGIN_LINES = _any((
    r"(?:please|you (?:must|need to|have to)) (?:be (?:logged|signed) in|(?:log|sign) in)\b.{0,80}\b(?:to|before)\b",
    r"(?:sign|log) in to (?:view|see|read|continue)\b",
    r"this (?:publication|substack|blog|site) is private\b", r"this is a private (?:publication|substack|blog)\b",
))  # fmt: skip

MISSING_TITLES = _any((
    r"(?:error )?404", r"(?:error )?(?:404\W+)?(?:(?:this |the )?(?:page|post|story|article) )?not found",
    r"(?:this |the )?(?:page|post|story|article) (?:was not|could not be|cannot be|can['’]t be) found",
    r"(?:this |that |the )?(?:page|post|story|article) (?:does not|doesn['’]t|no longer) exists?",
    r"(?:this |the )?(?:page|post|story|article) is (?:not|no longer) available",
    r"(?:die )?seite (?:wurde )?nicht gefunden", r"page (?:introuvable|non trouvée)", r"página no encontrada",
    r"pagina non trovata", r"página não encontrada", r"pagina niet gevonden", r"nie znaleziono strony",
    r"страница не найдена",
    r"(?:お探しの)?ページが?は?見つかりません(?:でした)?",
    r"页面(?:不存在|未找到)", r"找不到(?:页面|頁面|网页|網頁)", r"頁面不存在",
    r"페이지를 찾을 수 없습니다",
    r"الصفحة غير موجودة", r"ה?(?:דף|עמוד) לא נמצא", r"صفحه (?:مورد نظر )?یافت نشد",
))  # fmt: skip

PAY_LINES = _any((
    r"(?:this|the rest of this|full access to this)(?: \w+)? (?:post|article|story|content|episode|essay|newsletter)"
    r" (?:is|are) (?:only )?(?:available (?:only )?)?(?:for|to|reserved for|limited to|exclusive to) (?:[\w-]+ ){0,3}"
    r"(?:subscribers|members|patrons|supporters)\b",
    r"(?:subscribe|sign up|sign in|log in|register|upgrade|join|become a|create (?:an|a free)|start (?:your|a))\b"
    rf".{{0,70}}\bto {_READING}{_THIS}(?: and .{{0,60}})?\W*$",
    rf"to {_READING}\b.{{0,60}}\b(?:subscri|sign (?:in|up)|log in|account|member|upgrade)",
    rf"{_READING}{_THIS} (?:with|for|by) .{{0,40}}\b(?:subscription|subscribing|trial|account|membership)\b",
    rf"{_READING}{_THIS} for free\b",
    r"the author made this story available to medium members only",
    r"you(?:['’]ve| have) (?:reached|read|used)\b.{0,30}\bfree (?:articles|stories|posts)\b",
    r"(?:jetzt )?weiterlesen mit .{0,30}(?:abo|konto|zugang|plus|probe)", r"um weiterzulesen",
    r"(?:dieser|der) (?:artikel|beitrag|text) ist (?:nur )?für (?:\w+ )?(?:abonnent|mitglieder)",
    r"(?:la suite(?: de cet article)?|cet article|l['’]intégralité\b.{0,20}) est (?:réservée?|accessible) "
    r"(?:uniquement )?aux (?:abonnés|membres)",
    r"il vous reste .{1,12} de cet article",
    r"(?:este|el) (?:artículo|contenido) es (?:solo|exclusivo|exclusivamente) para (?:suscriptores|socios|miembros)",
    r"suscríb(?:ete|ase) para (?:seguir|continuar) leyendo",
    r"(?:questo articolo|l['’]articolo|questo contenuto) è riservato agli abbonati",
    r"abbonati per (?:continuare a )?leggere",
    r"(?:este )?conteúdo exclusivo para assinantes", r"assine para (?:continuar|ler)",
    r"(?:эта|этот) (?:статья|пост|материал) .{0,12}только .{0,12}подписчик",
    r"чтобы (?:читать|прочитать|дочитать)\b.{0,40}(?:подпи|войд|регистр)",
    r"この続きを(?:みる|見る|読む)には", r"ここから先は\s*[\d,]+\s*字",
    r"この(?:記事|続き)は(?:有料)?会員(?:限定|のみ)",
    r"(?:订阅|訂閱|付费|付費|登录|登入|开通会员|加入會員).{0,8}"
    r"(?:继续|繼續|可|解锁|解鎖|查看|阅读|閱讀).{0,6}(?:全文|剩余|剩餘|阅读|閱讀)",
    r"(?:이 글은|이 기사는) 유료 (?:구독자|회원)", r"(?:구독|로그인)\S{0,4} .{0,12}계속 읽",
    r"هذا (?:المقال|المحتوى) (?:متاح )?للمشتركين", r"اشترك (?:لمواصلة|لمتابعة|لإكمال) القراءة",
    r"(?:הכתבה|התוכן|הפוסט|המאמר) (?:זמינה? |פתוחה? )?(?:רק )?למנויים", r"כדי להמשיך לקרוא",
    r"برای (?:ادامه|خواندن ادامه)\s?.{0,20}(?:مشترک|وارد|عضو)",
))  # fmt: skip
"""Lines that stand in place of the rest of an article."""
