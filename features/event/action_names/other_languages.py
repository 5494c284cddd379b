"""Words of other languages for what the generic reading of names knows in English.

Words are compared without marks (`créer` as `creer`), German umlauts also as two letters. Scripts that write without
spaces, and Cyrillic with its endings, are matched by stems.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_WORDS = {
    "create": "anlegen erstellen créer crear creare criar aanmaken utworz skapa oluştur",
    "add": "hinzufügen ajouter añadir agregar aggiungere adicionar toevoegen dodaj",
    "delete": """löschen entfernen supprimer effacer eliminar borrar suprimir eliminare cancellare excluir apagar
        verwijderen usuń""",
    "update": """ändern bearbeiten aktualisieren modifier modificar actualizar cambiar modificare aggiornare alterar
        atualizar wijzigen bijwerken""",
    "reset": "zurücksetzen réinitialiser restablecer reimpostare redefinir",
    "grant": "gewähren erteilen zuweisen accorder attribuer conceder otorgar asignar assegnare atribuir toekennen",
    "revoke": "entziehen widerrufen révoquer revocar revocare revogar intrekken",
    "export": "exportieren exporter exportar esportare exporteren",
    "download": "herunterladen télécharger descargar scaricare baixar",
    "disable": """deaktivieren abschalten désactiver desactivar deshabilitar disattivare disabilitare desativar
        uitschakelen""",
    "enable": "aktivieren activer activar habilitar attivare abilitare ativar inschakelen",
    "view": """anzeigen ansehen lesen afficher lire consulter mostrar consultar leer visualizzare leggere exibir
        visualizar bekijken lezen""",
    "list": "auflisten lister énumérer listar elencare",
    "run": "ausführen exécuter ejecutar eseguire executar uitvoeren",
    "approve": "genehmigen freigeben approuver aprobar approvare aprovar goedkeuren",
    "pay": "bezahlen überweisen payer pagar pagare betalen overmaken",
    "impersonate": "usurper suplantar",
    "user": "benutzer nutzer utilisateur usuario utente usuário gebruiker użytkownik",
    "role": "rolle rolą rol ruolo função papel",
    "permission": """berechtigung berechtigungen rechte droits autorisation permiso permisos permesso permessi permissão
        permissões machtiging rechten""",
    "admin": "administrateur administrador amministratore beheerder",
    "member": "mitglied membre miembro membro lid",
    "password": "passwort kennwort passe contraseña senha wachtwoord hasło",
    "key": "schlüssel clé clés clef clave llave chiave chave sleutel",
    "secret": "geheimnis secreto segreto segredo geheim",
    "token": "jeton",
    "payment": "zahlung überweisung paiement virement pago pagamento betaling",
    "policy": "richtlinie politique política beleid",
    "logging": "protokollierung journalisation",
}
_STEMS = {
    "create": "созда 创建 建立 新建 創建 作成 생성 만들",
    "add": "добав 添加 增加 新增 追加 추가",
    "delete": "удал 删除 移除 刪除 削除 삭제",
    "update": "измен обнов 修改 更新 编辑 变更 変更 編集 수정 변경",
    "reset": "сброс 重置 リセット 재설정",
    "grant": "предостав назнач 授权 授予 分配 付与 부여 할당",
    "revoke": "отозва 撤销 取り消",
    "export": "экспорт выгруз 导出 匯出 エクスポート 내보내기",
    "download": "скача 下载 下載 ダウンロード 다운로드",
    "disable": "отключ 禁用 关闭 停用 無効 비활성",
    "enable": "включ 启用 有効 활성화",
    "view": "просмотр показа 查看 获取 读取 查询 表示 取得 閲覧 보기 조회",
    "list": "список 列出 列表 一覧 목록",
    "run": "выполн запуст 执行 运行 実行 실행",
    "approve": "одобр утверд 批准 审批 承認 승인",
    "pay": "оплат 支付 转账 결제 송금",
    "impersonate": "冒充",
    "user": "пользовател 用户 用戶 ユーザー ユーザ 사용자",
    "role": "роль роли 角色 ロール 역할",
    "permission": "разрешени права 权限 權限 権限 권한",
    "admin": "администратор 管理员 管理者 관리자",
    "member": "участник 成员 メンバー",
    "password": "парол 密码 密碼 パスワード 비밀번호",
    "key": "ключ 密钥 金鑰 鍵 キー 키",
    "secret": "секрет 秘密 凭证 凭据",
    "token": "токен 令牌 トークン 토큰",
    "payment": "платеж платёж 付款 支払",
    "policy": "политик 策略 ポリシー 정책",
    "logging": "аудит 审计 日志 監査",
    "firewall": "брандмауэр 防火墙 ファイアウォール",
    "login": "登录 登入 ログイン 로그인",
}
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def unmarked(text: str) -> str:
    """The text without the marks on Latin letters.

    >>> unmarked("créer_clé")
    'creer_cle'
    """
    if text.isascii():
        return text
    text = text.replace("ß", "ss").replace("ł", "l").replace("ø", "o")
    return "".join(_bare(each) for each in text)


def _bare(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base.isascii() else character


@cache
def english_words() -> dict[str, str]:
    """The English word for each word of another language, both without marks and in lower case.

    >>> english_words()["loeschen"], english_words()["clave"]
    ('delete', 'key')
    """
    return {
        spelling: english
        for english, words in _WORDS.items()
        for word in words.split()
        for spelling in (unmarked(word), word.translate(_UMLAUTS))
        if spelling.isascii()
    }


def with_stems_in_english(text: str) -> str:
    """The text with English words in place of stems of languages that are not written in Latin letters.

    >>> with_stems_in_english("创建用户").split()
    ['create', 'user']
    """
    if text.isascii():
        return text
    return _stem_pattern().sub(lambda found: f" {_english_stems()[found[1].lower()]} ", text)


@cache
def _english_stems() -> dict[str, str]:
    return {stem: english for english, stems in _STEMS.items() for stem in stems.split()}


@cache
def _stem_pattern() -> re.Pattern[str]:
    longest_first = sorted(_english_stems(), key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})[а-яё]*", re.IGNORECASE)
